"""Finished runs on disk: immutable, addressed by their settings, published whole or not at all.

One run is one zip file, ``<run_id>.zip``: a manifest in JSON, each array as ``.npy``, each blob as it is,
and the SHA-256 of every one of them. A single file can be published with one rename, and read without
pickle by anybody who has a zip program and numpy.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import logging
import os
import platform
import re
import time
import uuid
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from fmnist_core.baseline import BaselineResult
from fmnist_core.errors import FMNISTError, RunDamaged, RunNotFound
from fmnist_core.network import NetworkResult
from fmnist_core.settings import KINDS, Settings

# Raised whenever the same settings would give other figures: older runs then no longer answer for them.
ENGINE_VERSION = "1"

Result = BaselineResult | NetworkResult
_RESULTS: Mapping[str, type[BaselineResult] | type[NetworkResult]] = {
    "baseline": BaselineResult,
    "network": NetworkResult,
}
_RUN_ID = re.compile(r"[0-9a-f]{16}")
_MANIFEST = "manifest.json"
_MANIFEST_DIGEST = "manifest.sha256"
_LARGEST_RUN = 256 * 2**20  # bytes, unpacked: a planted zip bomb must not fill the memory
_LEFTOVER_SECONDS = 3600.0
_DAMAGED_FOLDER = "damaged"

logger = logging.getLogger(__name__)


def identify(settings: Settings, data_digest: str, stopped_after: int | None = None) -> str:
    """The run's address: 16 hexadecimal digits from settings, data and engine version.

    Parameters
    ----------
    settings : BaselineSettings or NetworkSettings
    data_digest : str
        `FashionMNIST.digest`.
    stopped_after : int, optional
        Batches learned when a visitor stopped the training. A stopped run is an experiment of its own and
        never answers for the full settings.
    """
    identity = [settings.kind, settings.to_dict(), data_digest, ENGINE_VERSION, stopped_after]
    text = json.dumps(identity, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class RunRecord:
    """What a run is and how it came about, without its arrays.

    Parameters
    ----------
    headline : mapping
        The figures of a list of runs: ``accuracy`` and ``loss`` on the pictures held out (for the baseline:
        out of fold), ``n_pictures`` they were measured on, ``n_parameters``.
    created : str
        UTC, ISO 8601.
    seconds : float
        Time the computation took.
    stopped_after : int or None
        Batches learned when it was stopped, None for a full run.
    """

    run_id: str
    settings: Settings
    headline: Mapping[str, Any]
    created: str
    seconds: float
    stopped_after: int | None
    data_digest: str
    engine_version: str
    versions: Mapping[str, str]
    machine: str


@dataclass(frozen=True, eq=False)
class Run:
    """A finished run: its record and its results."""

    record: RunRecord
    result: Any  # BaselineResult or NetworkResult, by settings.kind

    @property
    def run_id(self) -> str:
        """The run's address."""
        return self.record.run_id

    @property
    def settings(self) -> Any:
        """The experiment: `BaselineSettings` or `NetworkSettings`."""
        return self.record.settings

    @classmethod
    def of(cls, settings: Settings, data_digest: str, result: Result, seconds: float) -> Run:
        """Make the record of a result that was computed just now on this machine."""
        stopped_after = getattr(result, "stopped_after_batches", None)
        packages = ["numpy", "scikit-learn"] + (["keras"] if settings.kind == "network" else [])
        record = RunRecord(
            run_id=identify(settings, data_digest, stopped_after),
            settings=settings,
            headline=result.headline,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            seconds=round(seconds, 3),
            stopped_after=stopped_after,
            data_digest=data_digest,
            engine_version=ENGINE_VERSION,
            versions={"python": platform.python_version(), **{name: version(name) for name in packages}},
            machine=f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        )
        return cls(record, result)


def _pack(run: Run) -> bytes:
    members: dict[str, bytes] = {}
    plain: dict[str, Any] = {}
    for field in dataclasses.fields(run.result):
        value = getattr(run.result, field.name)
        if isinstance(value, np.ndarray):
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, np.ascontiguousarray(value), allow_pickle=False)
            members[f"{field.name}.npy"] = buffer.getvalue()
        elif isinstance(value, bytes):
            members[f"{field.name}.bin"] = value
        else:
            plain[field.name] = value
    record = {field.name: getattr(run.record, field.name) for field in dataclasses.fields(run.record)}
    record["settings"] = run.settings.to_dict()
    manifest = json.dumps(
        {
            "kind": run.settings.kind,
            "record": record,
            "result": plain,
            "members": {name: hashlib.sha256(content).hexdigest() for name, content in members.items()},
        },
        indent=1,
        default=dict,
    ).encode()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr(_MANIFEST, manifest)
        archive.writestr(_MANIFEST_DIGEST, hashlib.sha256(manifest).hexdigest())
        for name, content in members.items():
            archive.writestr(name, content)
    return packed.getvalue()


def _unpack(content: bytes, run_id: str) -> Run:
    """Read what `_pack` wrote; anything that is not exactly that raises."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if sum(info.file_size for info in archive.infolist()) > _LARGEST_RUN:
            raise ValueError("it unpacks to more than a run can hold")
        text = archive.read(_MANIFEST)
        if hashlib.sha256(text).hexdigest() != archive.read(_MANIFEST_DIGEST).decode():
            raise ValueError("its manifest does not match its checksum")
        manifest = json.loads(text)
        values = dict(manifest["result"])
        for name, digest in manifest["members"].items():
            blob = archive.read(name)
            if hashlib.sha256(blob).hexdigest() != digest:
                raise ValueError(f"{name} does not match its checksum")
            field, suffix = name.rsplit(".", 1)
            values[field] = _read_array(blob) if suffix == "npy" else blob
    kind = manifest["kind"]
    record = RunRecord(**{**manifest["record"], "settings": KINDS[kind].from_dict(manifest["record"]["settings"])})
    if record.run_id != run_id or run_id != identify(record.settings, record.data_digest, record.stopped_after):
        raise ValueError("it answers for other settings than its name says")
    return Run(record, _RESULTS[kind](**values))


def _read_array(blob: bytes) -> np.ndarray:
    array = np.lib.format.read_array(io.BytesIO(blob), allow_pickle=False)
    array.flags.writeable = False
    return array


class RunStore:
    """A folder of finished runs.

    Parameters
    ----------
    directory : path-like
        Made when it is missing.

    Raises
    ------
    FMNISTError
        When the folder cannot be made.
    """

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        self.directory = Path(directory).absolute()
        self._records: dict[str, tuple[tuple[int, int], RunRecord]] = {}
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise FMNISTError(
                f"The folder for finished runs, {self.directory}, cannot be made ({error.strerror}). "
                "Name another one with FMNIST_RUNS."
            ) from error
        self._sweep()

    @property
    def damaged(self) -> list[str]:
        """Names of files that were set aside because they could not be read whole."""
        folder = self.directory / _DAMAGED_FOLDER
        return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []

    def __contains__(self, run_id: object) -> bool:
        """Whether a file of that run stands in the store; `load` tells whether it is whole."""
        return isinstance(run_id, str) and bool(_RUN_ID.fullmatch(run_id)) and self._path(run_id).is_file()

    def publish(self, run: Run) -> None:
        """Put a run into the store: whole, on disk, or not at all.

        Raises
        ------
        FMNISTError
            When it could not be written, e.g. because the disk is full. Earlier runs are unharmed.
        """
        content = _pack(run)
        temporary = self.directory / f".{run.run_id}.{uuid.uuid4().hex}.tmp"
        try:
            with open(temporary, "xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, self._path(run.run_id))
            self._sync_folder()
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise FMNISTError(
                f"The run {run.run_id} could not be kept in {self.directory} ({error.strerror}). "
                "Make room there, or name another folder with FMNIST_RUNS, and run it again."
            ) from error

    def load(self, run_id: str) -> Run:
        """Read a run and verify all of it.

        Raises
        ------
        RunNotFound
            When the store has no such run.
        RunDamaged
            When its file is not whole; it is set aside then and not shown again.
        """
        if not _RUN_ID.fullmatch(run_id):
            raise RunNotFound(f"{run_id[:40]!r} is not the address of a run. An address has 16 digits, 0-9 and a-f.")
        path = self._path(run_id)
        try:
            # The size is checked before reading: a run is a few MB.
            if path.is_symlink() or path.stat().st_size > _LARGEST_RUN:
                raise RunDamaged(f"The run {run_id} is no file that this store wrote; it is not read.")
            content = path.read_bytes()
        except FileNotFoundError:
            raise RunNotFound(f"There is no run {run_id} here. It may have been made on another server.") from None
        except OSError as error:  # perhaps only for now: it stays where it is
            raise RunDamaged(f"The run {run_id} could not be read ({error.strerror}). Try again.") from error
        try:
            return _unpack(content, run_id)
        # zipfile, zlib, json and numpy fail in many ways on a damaged file; each means the same here.
        except Exception as error:
            reason = self._set_aside(path, error)
            raise RunDamaged(
                f"The run {run_id} could not be read: {reason}. It was set aside; run it again."
            ) from error

    def records(self) -> list[RunRecord]:
        """The records of all whole runs, newest first. Damaged files are set aside on the way."""
        found: list[RunRecord] = []
        for path in sorted(self.directory.glob("*.zip")):
            run_id = path.stem
            try:
                status = path.stat()
                stamp = (status.st_mtime_ns, status.st_size)
                known = self._records.get(run_id)
                if known is None or known[0] != stamp:
                    known = (stamp, self.load(run_id).record)
                    self._records[run_id] = known
                found.append(known[1])
            except (RunNotFound, RunDamaged, OSError) as error:
                logger.warning("%s", error)
        return sorted(found, key=lambda record: record.created, reverse=True)

    def _path(self, run_id: str) -> Path:
        return self.directory / f"{run_id}.zip"

    def _set_aside(self, path: Path, error: Exception) -> str:
        reason = str(error) or type(error).__name__
        try:
            folder = self.directory / _DAMAGED_FOLDER
            folder.mkdir(exist_ok=True)
            os.replace(path, folder / f"{path.name}.{time.time_ns()}")
        except OSError:  # a read-only store: it stays where it is, and is never shown all the same
            logger.warning("%s is damaged and could not be set aside", path)
        return reason

    def _sync_folder(self) -> None:
        descriptor = os.open(self.directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _sweep(self) -> None:
        """Remove what a killed writer left behind; a young one may still be at work."""
        for path in self.directory.glob(".*.tmp"):
            try:
                if time.time() - path.stat().st_mtime > _LEFTOVER_SECONDS:
                    path.unlink()
            except OSError:
                continue

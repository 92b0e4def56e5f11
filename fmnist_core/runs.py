"""Finished runs: immutable, addressed by their settings, published whole or not at all.

One run is one zip file, ``<run_id>.zip``: a manifest in JSON, each array as ``.npy``, each blob as it is,
and the SHA-256 of every one of them. A single file can be published with one rename, and read without
pickle by anybody who has a zip program and numpy.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import io
import json
import logging
import os
import platform
import re
import time
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from fmnist_core.baseline import BaselineResult, SpreadFolds, run_baseline
from fmnist_core.dataset import FashionMNIST
from fmnist_core.errors import FMNISTError, RunDamaged, RunNotFound, SettingsError, StoreUnreachable
from fmnist_core.intervals import wilson_interval
from fmnist_core.network import NetworkResult, train_network
from fmnist_core.progress import OnProgress, ShouldStop
from fmnist_core.run_checks import check_record, check_result
from fmnist_core.settings import KINDS, BaselineSettings, Settings
from fmnist_core.shelves import Stamp, open_shelf

# Raised whenever the same settings would give other figures: older runs then no longer answer for them.
ENGINE_VERSION = "1"

Result = BaselineResult | NetworkResult
_RESULTS: Mapping[str, type[BaselineResult] | type[NetworkResult]] = {
    "baseline": BaselineResult,
    "network": NetworkResult,
}
_RUN_ID = re.compile(r"[0-9a-f]{16}")
_RUN_FILE = re.compile(r"([0-9a-f]{16})\.zip")
_MANIFEST = "manifest.json"
_MANIFEST_DIGEST = "manifest.sha256"
_LARGEST_RUN = 256 * 2**20  # bytes, unpacked: a planted zip bomb must not fill the memory
_LARGEST_MANIFEST = 2**20  # JSON can take 24 times as much memory as its text
_SHARED = ".shared"  # an empty file of this name beside a run says that its link was given away

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
    return _address(settings.kind, settings.to_dict(), data_digest, ENGINE_VERSION, stopped_after)


def _address(*identity: Any) -> str:
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

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the headline's accuracy."""
        n = self.headline["n_pictures"]
        return wilson_interval(round(self.headline["accuracy"] * n), n)


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


def compute_run(
    dataset: FashionMNIST,
    settings: Settings,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
    spread_folds: SpreadFolds | None = None,
) -> Run:
    """Run the experiment, now and here; see `run_baseline` and `train_network`."""
    start = time.perf_counter()
    if isinstance(settings, BaselineSettings):
        result: Result = run_baseline(dataset, settings, on_progress, should_stop, spread_folds)
    else:
        result = train_network(dataset, settings, on_progress, should_stop)
    return Run.of(settings, dataset.digest, result, time.perf_counter() - start)


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
    size = sum(map(len, members.values()))
    if size > _LARGEST_RUN - _LARGEST_MANIFEST:
        raise FMNISTError(
            f"The run {run.run_id} takes {size / 2**20:.0f} MB, and at most {_LARGEST_RUN // 2**20} MB can be kept. "
            "Choose a smaller network and run it again."
        )
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
        manifest, record = _read_manifest(archive, run_id)
        values = dict(manifest["result"])
        for name, digest in manifest["members"].items():
            blob = archive.read(name)
            if hashlib.sha256(blob).hexdigest() != digest:
                raise ValueError(f"{name} does not match its checksum")
            field, suffix = name.rsplit(".", 1)
            values[field] = _read_array(blob) if suffix == "npy" else blob
    run = Run(record, _RESULTS[record.settings.kind](**values))
    check_result(run)
    return run


def _read_manifest(archive: zipfile.ZipFile, run_id: str) -> tuple[dict[str, Any], RunRecord]:
    """The manifest, verified, and the record in it."""
    if sum(info.file_size for info in archive.infolist()) > _LARGEST_RUN:
        raise ValueError("it unpacks to more than a run can hold")
    if max(archive.getinfo(name).file_size for name in (_MANIFEST, _MANIFEST_DIGEST)) > _LARGEST_MANIFEST:
        raise ValueError("its manifest is larger than a run's can be")
    text = archive.read(_MANIFEST)
    if hashlib.sha256(text).hexdigest() != archive.read(_MANIFEST_DIGEST).decode():
        raise ValueError("its manifest does not match its checksum")
    manifest = json.loads(text)
    kind, values = manifest["kind"], manifest["record"]
    record = RunRecord(**{**values, "settings": KINDS[kind].from_dict(values["settings"])})
    check_record(record)
    # By the settings and the version as they stand there: a run of an earlier release stays what it was.
    address = _address(kind, values["settings"], record.data_digest, record.engine_version, record.stopped_after)
    if not record.run_id == run_id == address:
        raise ValueError("it answers for other settings than its name says")
    return manifest, record


def _read_array(blob: bytes) -> np.ndarray:
    """A view of the bytes, read-only: nothing is unpickled, and a header that claims too much finds no room."""
    file = io.BytesIO(blob)
    if np.lib.format.read_magic(file) != (1, 0):
        raise ValueError("an array is in a form that no run has")
    shape, fortran_order, dtype = np.lib.format.read_array_header_1_0(file)
    if fortran_order:
        raise ValueError("an array is in a form that no run has")
    return np.frombuffer(blob, dtype, offset=file.tell()).reshape(shape)


class RunStore:
    """Finished runs, in a folder or a bucket.

    Parameters
    ----------
    address : path-like or str
        A folder, made when it is missing, or a URL such as ``s3://bucket/runs``.
    prepared : path-like, optional
        A folder of runs that came with the project. They are shown like the others, and nothing removes them.
    read_only : bool
        Nothing in the folder is ever changed, not even to set a damaged file aside.

    Raises
    ------
    FMNISTError
        When the folder cannot be made, or the bucket not be reached.
    """

    def __init__(
        self,
        address: str | os.PathLike[str],
        prepared: str | os.PathLike[str] | None = None,
        read_only: bool = False,
    ) -> None:
        self._shelf = open_shelf(address, read_only)
        self._prepared = (
            RunStore(prepared, read_only=True) if prepared is not None and Path(prepared).is_dir() else None
        )
        self._seen: dict[str, tuple[Stamp, RunRecord | None]] = {}  # by run id; None: damaged

    @property
    def address(self) -> str:
        """Where the runs are: `RunStore(store.address)` opens the same store anywhere."""
        return self._shelf.address

    @property
    def damaged(self) -> list[str]:
        """Names of files that were set aside because they could not be read whole."""
        with self._reaching():
            return self._shelf.aside()

    def __contains__(self, run_id: object) -> bool:
        """Whether a file of that run stands in the store; `load` tells whether it is whole.

        Raises
        ------
        StoreUnreachable
            When the store does not answer, here and wherever it is read.
        """
        return isinstance(run_id, str) and (self._has(run_id) or self.is_prepared(run_id))

    def _has(self, run_id: str) -> bool:
        with self._reaching():
            return bool(_RUN_ID.fullmatch(run_id)) and f"{run_id}.zip" in self._shelf

    @contextlib.contextmanager
    def _reaching(self) -> Iterator[None]:
        """Whatever fails on the way to the files gets a sentence."""
        try:
            yield
        except OSError as error:
            raise StoreUnreachable(
                f"The store of finished runs, {self.address}, cannot be reached just now "
                f"({error.strerror or error}). Try again in a few seconds."
            ) from error

    def is_prepared(self, run_id: str) -> bool:
        """Whether the run came with the project, and has not been made here since."""
        return self._prepared is not None and run_id in self._prepared and not self._has(run_id)

    def publish(self, run: Run) -> None:
        """Put a run into the store: whole, on disk, or not at all.

        Raises
        ------
        FMNISTError
            When it is too large to be read again, or could not be written, e.g. because the disk is full.
            Earlier runs are unharmed.
        """
        try:
            self._shelf.write(f"{run.run_id}.zip", _pack(run))
        except OSError as error:
            raise FMNISTError(
                f"The run {run.run_id} could not be kept in {self.address} ({error.strerror or error}). "
                "Make room there, or name another place with FMNIST_RUNS, and run it again."
            ) from error

    def load(self, run_id: str) -> Run:
        """Read a run and verify all of it.

        Raises
        ------
        RunNotFound
            When the store has no such run.
        RunDamaged
            When its file is not whole; it is set aside then and not shown again.
        StoreUnreachable
            When it cannot be read just now.
        """
        if not _RUN_ID.fullmatch(run_id):
            raise RunNotFound(f"{run_id[:40]!r} is not the address of a run. An address has 16 digits, 0-9 and a-f.")
        if self._prepared is not None and self.is_prepared(run_id):
            return self._prepared.load(run_id)
        name = f"{run_id}.zip"
        with self._reaching():
            try:
                content = self._shelf.read(name, _LARGEST_RUN)
            except FileNotFoundError:
                raise RunNotFound(
                    f"There is no run {run_id} here. It was made on another server, or has left to make room for "
                    "newer ones; the same settings bring it back."
                ) from None
            except ValueError:
                raise RunDamaged(f"The run {run_id} is no file that this store wrote; it is not read.") from None
        try:
            return _unpack(content, run_id)
        except SettingsError as error:  # perhaps a later release wrote it, and reads it again: it stays where it is
            raise RunDamaged(f"The run {run_id} has settings that are not known here. {error}") from error
        # zipfile, zlib, json and numpy fail in many ways on a damaged file; each means the same here.
        except Exception as error:
            self._set_aside(name)
            raise RunDamaged(
                f"The run {run_id} could not be read: {str(error) or type(error).__name__}. "
                "It was set aside; run it again."
            ) from error

    def why_missing(self, run_id: str) -> str:
        """What `load` would say about a run that is not there."""
        try:
            self.load(run_id)
        except FMNISTError as error:
            return str(error)
        return f"The run {run_id} has come meanwhile."

    def records(self) -> list[RunRecord]:
        """The records of all runs, newest first.

        Only the manifests are read, of a file that has not changed just once; `load` verifies the rest. Files without
        a right one are set aside on the way.
        """
        found = {record.run_id: record for record in self._prepared.records()} if self._prepared is not None else {}
        with self._reaching():
            stamps = self._shelf.stamps()
        seen: dict[str, tuple[Stamp, RunRecord | None]] = {}
        for name, stamp in sorted(stamps.items()):
            match = _RUN_FILE.fullmatch(name)
            if match is None:
                continue
            run_id = match[1]
            known = self._seen.get(run_id)
            try:
                seen[run_id] = known if known is not None and known[0] == stamp else (stamp, self._look_at(run_id))
            except (RunNotFound, StoreUnreachable) as error:  # gone meanwhile, or back the next time
                logger.warning("%s", error)
                continue
            record = seen[run_id][1]
            if record is not None:
                found[run_id] = record
        self._seen = seen
        return sorted(found.values(), key=lambda record: record.created, reverse=True)

    def _look_at(self, run_id: str) -> RunRecord | None:
        """The record of a run of this store, or None when its file is damaged."""
        # Whatever is wrong with the manifest, `load` has the verdict and the sentence.
        with (
            contextlib.suppress(Exception),
            self._shelf.open(f"{run_id}.zip") as file,
            zipfile.ZipFile(file) as archive,
        ):
            return _read_manifest(archive, run_id)[1]
        try:
            return self.load(run_id).record
        except RunDamaged as error:
            logger.warning("%s", error)
            return None

    def share(self, run_id: str) -> None:
        """Remember that a link to this run was given away: it is among the last to leave."""
        try:
            if self._has(run_id):
                self._shelf.write(f"{run_id}{_SHARED}", b"")
        except OSError as error:
            logger.warning("The run %s could not be marked as shared (%s)", run_id, error)

    def make_room(self, most_bytes: int) -> list[str]:
        """Remove runs until the rest takes at most so many bytes, and return their run ids.

        The oldest that nobody shared leave first, then the oldest shared ones; the newest run always stays. Files
        that are no runs do not count.
        """
        removed: list[str] = []
        try:
            stamps = self._shelf.stamps()
            own = [record for record in self.records() if f"{record.run_id}.zip" in stamps]
            used = sum(stamps[f"{record.run_id}.zip"][1] for record in own)
            for record in sorted(own[1:], key=lambda each: (f"{each.run_id}{_SHARED}" in stamps, each.created)):
                if used <= most_bytes:
                    break
                self._shelf.remove(f"{record.run_id}.zip")
                self._shelf.remove(f"{record.run_id}{_SHARED}")
                used -= stamps[f"{record.run_id}.zip"][1]
                removed.append(record.run_id)
        except OSError as error:
            logger.warning("No room could be made in %s (%s)", self.address, error)
        return removed

    def _set_aside(self, name: str) -> None:
        try:
            self._shelf.set_aside(name)
        except OSError:  # a read-only store: it stays where it is, and is never shown all the same
            logger.warning("%s in %s is damaged and could not be set aside", name, self.address)

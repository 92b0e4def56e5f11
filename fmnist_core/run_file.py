"""A run as one zip file: a manifest in JSON, each array as ``.npy``, each blob as it is, the SHA-256 of every one.

A single file can be published with one rename, and read without pickle by anybody who has a zip program and numpy.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np

from fmnist_core.baseline import BaselineResult
from fmnist_core.errors import FMNISTError
from fmnist_core.network import NetworkResult
from fmnist_core.run_checks import check_record, check_result
from fmnist_core.runs import AnyRun, Run, RunRecord, address_of
from fmnist_core.settings import KINDS

LARGEST_RUN = 256 * 2**20  # bytes, unpacked: a planted zip bomb must not fill the memory
_LARGEST_MANIFEST = 2**20  # JSON can take 24 times as much memory as its text
_MANIFEST = "manifest.json"
_MANIFEST_DIGEST = "manifest.sha256"
_RESULTS: Mapping[str, Any] = {"baseline": BaselineResult, "network": NetworkResult}


def pack(run: AnyRun) -> bytes:
    """The run as a file.

    Raises
    ------
    FMNISTError
        When it is too large to be read again.
    """
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
    if size > LARGEST_RUN - _LARGEST_MANIFEST:
        raise FMNISTError(
            f"The run {run.run_id} takes {size / 2**20:.0f} MB, and at most {LARGEST_RUN // 2**20} MB can be kept. "
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


def unpack(content: bytes, run_id: str) -> AnyRun:
    """Read what `pack` wrote; anything that is not exactly that raises."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        manifest, record = _read_manifest(archive, run_id)
        values = dict(manifest["result"])
        for name, digest in manifest["members"].items():
            blob = archive.read(name)
            if hashlib.sha256(blob).hexdigest() != digest:
                raise ValueError(f"{name} does not match its checksum")
            field, suffix = name.rsplit(".", 1)
            values[field] = _read_array(blob) if suffix == "npy" else blob
    run: AnyRun = Run(record, _RESULTS[record.settings.kind](**values))
    check_result(run)
    return run


def read_record(file: BinaryIO, run_id: str) -> RunRecord:
    """Read the manifest alone; anything that is not as `pack` wrote it raises."""
    with zipfile.ZipFile(file) as archive:
        return _read_manifest(archive, run_id)[1]


def _read_manifest(archive: zipfile.ZipFile, run_id: str) -> tuple[dict[str, Any], RunRecord]:
    """The manifest, verified, and the record in it."""
    if sum(info.file_size for info in archive.infolist()) > LARGEST_RUN:
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
    address = address_of(kind, values["settings"], record.data_digest, record.engine_version, record.stopped_after)
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

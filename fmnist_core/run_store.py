"""The finished runs: immutable, addressed by their settings, published whole or not at all."""

from __future__ import annotations

import contextlib
import logging
import os
import re
from collections.abc import Iterator
from pathlib import Path

from fmnist_core import run_file
from fmnist_core.errors import FMNISTError, RunDamaged, RunNotFound, SettingsError, StoreUnreachable
from fmnist_core.runs import AnyRun, RunRecord
from fmnist_core.shelves import Stamp, open_shelf

_RUN_ID = re.compile(r"[0-9a-f]{16}")
_RUN_FILE = re.compile(r"([0-9a-f]{16})\.zip")
_SHARED = ".shared"  # an empty file of this name beside a run says that its link was given away

logger = logging.getLogger(__name__)


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

    def publish(self, run: AnyRun) -> None:
        """Put a run into the store: whole, on disk, or not at all.

        Raises
        ------
        FMNISTError
            When it is too large to be read again, or could not be written, e.g. because the disk is full.
            Earlier runs are unharmed.
        """
        try:
            self._shelf.write(f"{run.run_id}.zip", run_file.pack(run))
        except OSError as error:
            raise FMNISTError(
                f"The run {run.run_id} could not be kept in {self.address} ({error.strerror or error}). "
                "Make room there, or name another place with FMNIST_RUNS, and run it again."
            ) from error

    def load(self, run_id: str) -> AnyRun:
        """Read a run and verify all of it.

        Raises
        ------
        RunNotFound
            When the store has no such run.
        RunDamaged
            When its file is not whole; unless the store is read-only, it is set aside then.
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
                content = self._shelf.read(name, run_file.LARGEST_RUN)
            except FileNotFoundError:
                raise RunNotFound(
                    f"There is no run {run_id} here. It was made on another server, or has left to make room for "
                    "newer ones; the same settings bring it back."
                ) from None
            except ValueError:
                raise RunDamaged(f"The run {run_id} is no file that this store wrote; it is not read.") from None
        try:
            return run_file.unpack(content, run_id)
        except SettingsError as error:  # perhaps a later release wrote it, and reads it again: it stays where it is
            raise RunDamaged(f"The run {run_id} has settings that are not known here. {error}") from error
        # zipfile, zlib, json and numpy fail in many ways on a damaged file; each means the same here.
        except Exception as error:
            what_now = "It was set aside" if self._set_aside(name) else "Its file stays where it is"
            raise RunDamaged(
                f"The run {run_id} could not be read: {str(error) or type(error).__name__}. {what_now}; run it again."
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

        Only the manifests are read, of a file that has not changed just once; `load` verifies the rest. With a file
        that has no right one happens what `load` says.
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
        with contextlib.suppress(Exception), self._shelf.open(f"{run_id}.zip") as file:
            return run_file.read_record(file, run_id)
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

    def _set_aside(self, name: str) -> bool:
        """Move a damaged file out of sight; whether that could be done. One that stays is never shown all the same."""
        try:
            self._shelf.set_aside(name)
        except OSError:  # a read-only store
            logger.warning("%s in %s is damaged and could not be set aside", name, self.address)
            return False
        return True

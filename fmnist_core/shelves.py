"""Where a run store's files lie: a folder, or a bucket elsewhere. Each file appears whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import stat
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NoReturn, Protocol

from fmnist_core.errors import FMNISTError

_LEFTOVER_SECONDS = 3600.0
_DAMAGED = "damaged"
_MOST_ASIDE = 20  # files that are kept to be looked at; older ones go
_PART = 2**16  # bytes that one request for a part of a bucket's file brings

Stamp = tuple[object, int]  # changes when a file does: its time or tag, and its size in bytes

logger = logging.getLogger(__name__)


class Shelf(Protocol):
    """What a run store needs of the place where its files lie. Names are the store's own, never a visitor's.

    Whatever fails raises `OSError`; a file that is not there, `FileNotFoundError`.
    """

    address: str

    def stamps(self) -> dict[str, Stamp]:
        """The plain files, with what tells that one has changed."""

    def __contains__(self, name: str) -> bool:
        """Whether there is such a plain file."""

    def read(self, name: str, most: int) -> bytes:
        """A file's content. One that is larger than `most` bytes, or is no plain file, raises `ValueError`."""

    def open(self, name: str) -> BinaryIO:
        """A plain file to read here and there, for a few bytes of a large one."""

    def write(self, name: str, content: bytes) -> None:
        """Put a file there: on disk and whole when this returns, and never half."""

    def remove(self, name: str) -> None:
        """Take a file away, if it is there."""

    def set_aside(self, name: str) -> None:
        """Move a file out of sight, for somebody to look at; the latest 20 are kept."""

    def aside(self) -> list[str]:
        """Names of what was set aside."""


def open_shelf(address: str | os.PathLike[str], read_only: bool = False) -> Shelf:
    """A folder, made when it is missing, or with ``://`` in its address a bucket.

    Parameters
    ----------
    address : path-like or str
    read_only : bool
        Nothing in the folder is ever changed; a bucket's keys decide that for a bucket.

    Raises
    ------
    FMNISTError
        When it cannot be made or reached.
    """
    text = os.fspath(address)
    if "://" in text:
        return Bucket(text)
    return ReadOnlyFolder(text) if read_only else Folder(text)


class Folder:
    """A folder of this machine, or one that several machines have mounted."""

    def __init__(self, directory: str) -> None:
        self.directory = Path(directory).absolute()
        self.address = str(self.directory)
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise FMNISTError(
                f"The folder for finished runs, {self.directory}, cannot be made ({error.strerror}). "
                "Name another one with FMNIST_RUNS."
            ) from error
        self._sweep()

    def stamps(self) -> dict[str, Stamp]:
        found: dict[str, Stamp] = {}
        with os.scandir(self.directory) as entries:
            for entry in entries:
                try:
                    status = entry.stat(follow_symlinks=False)
                except OSError:  # gone meanwhile
                    continue
                if stat.S_ISREG(status.st_mode):
                    found[entry.name] = (status.st_mtime_ns, status.st_size)
        return found

    def __contains__(self, name: str) -> bool:
        path = self.directory / name
        return path.is_file() and not path.is_symlink()

    def read(self, name: str, most: int) -> bytes:
        with self.open(name) as file:
            # The size is checked before reading: a run is a few MB.
            if os.fstat(file.fileno()).st_size > most:
                raise ValueError
            return file.read()

    def open(self, name: str) -> BinaryIO:
        path = self.directory / name
        # A link may lead anywhere, and a pipe would let its reader wait for ever.
        if not stat.S_ISREG(path.lstat().st_mode):
            raise ValueError
        return path.open("rb")

    def write(self, name: str, content: bytes) -> None:
        temporary = self.directory / f".{name}.{uuid.uuid4().hex}.tmp"
        try:
            with open(temporary, "xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, self.directory / name)
            self._sync()
        except OSError:
            temporary.unlink(missing_ok=True)
            raise

    def remove(self, name: str) -> None:
        (self.directory / name).unlink(missing_ok=True)

    def set_aside(self, name: str) -> None:
        folder = self.directory / _DAMAGED
        folder.mkdir(exist_ok=True)
        os.replace(self.directory / name, folder / f"{name}.{time.time_ns()}")
        for old in _superfluous(self.aside()):
            (folder / old).unlink(missing_ok=True)

    def aside(self) -> list[str]:
        folder = self.directory / _DAMAGED
        return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []

    def _sync(self) -> None:
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


class ReadOnlyFolder(Folder):
    """A folder that came with the project: whatever would change it raises `OSError`."""

    def __init__(self, directory: str) -> None:
        self.directory = Path(directory).absolute()
        self.address = str(self.directory)

    def write(self, name: str, content: bytes) -> None:
        self._refuse()

    def remove(self, name: str) -> None:
        self._refuse()

    def set_aside(self, name: str) -> None:
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), self.address)


class Bucket:
    """A place that `fsspec` reaches by a URL, such as ``s3://bucket/runs``, and whose writes are atomic."""

    def __init__(self, url: str) -> None:
        import fsspec  # type: ignore[import-untyped]

        self.address = url.rstrip("/")
        try:
            with _as_os_error():
                self._files, self._root = fsspec.core.url_to_fs(self.address, use_listings_cache=False)
                self._files.makedirs(self._root, exist_ok=True)
        except OSError as error:
            raise FMNISTError(
                f"The store for finished runs, {self.address}, cannot be reached ({error}). "
                "Name another one with FMNIST_RUNS, or install the package that is asked for."
            ) from error

    def stamps(self) -> dict[str, Stamp]:
        return {
            entry["name"].rsplit("/", 1)[-1]: (str(entry.get("ETag") or entry.get("created")), int(entry["size"] or 0))
            for entry in self._list(self._root)
            if entry["type"] == "file"
        }

    def __contains__(self, name: str) -> bool:
        # `isfile` would say no as well when the bucket does not answer.
        with _as_os_error():
            try:
                return bool(self._files.info(self._path(name))["type"] == "file")
            except FileNotFoundError:
                return False

    def read(self, name: str, most: int) -> bytes:
        with _as_os_error():
            content: bytes = self._files.cat_file(self._path(name), start=0, end=most + 1)
        if len(content) > most:
            raise ValueError
        return content

    def open(self, name: str) -> BinaryIO:
        with _as_os_error():
            return self._files.open(self._path(name), "rb", block_size=_PART)

    def write(self, name: str, content: bytes) -> None:
        with _as_os_error():
            self._files.pipe_file(self._path(name), content)

    def remove(self, name: str) -> None:
        with _as_os_error(), contextlib.suppress(FileNotFoundError):
            self._files.rm_file(self._path(name))

    def set_aside(self, name: str) -> None:
        with _as_os_error():
            self._files.mv(self._path(name), f"{self._root}/{_DAMAGED}/{name}.{time.time_ns()}")
        for old in _superfluous(self.aside()):
            self.remove(f"{_DAMAGED}/{old}")

    def aside(self) -> list[str]:
        return sorted(entry["name"].rsplit("/", 1)[-1] for entry in self._list(f"{self._root}/{_DAMAGED}"))

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"

    def _list(self, folder: str) -> list[dict[str, Any]]:
        with _as_os_error():
            self._files.invalidate_cache()
            try:
                return list(self._files.ls(folder, detail=True))
            except FileNotFoundError:  # a bucket knows no empty folder
                return []


def _superfluous(aside: list[str]) -> list[str]:
    """Of what was set aside, all but the latest: their names end with when it was."""
    return sorted(aside, key=lambda name: name.rpartition(".")[2])[:-_MOST_ASIDE]


@contextlib.contextmanager
def _as_os_error() -> Iterator[None]:
    """What goes wrong on the way to a bucket has a name of its own in each of fsspec's file systems."""
    try:
        yield
    except OSError:
        raise
    except Exception as error:
        raise OSError(f"{type(error).__name__}: {error}") from error

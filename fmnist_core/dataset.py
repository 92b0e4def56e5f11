"""Find, verify and load Fashion-MNIST: 70,000 labelled pictures of clothes, 28 x 28 pixels, ten classes."""

import hashlib
import os
import stat
import threading
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fmnist_core.errors import DatasetError

CLASS_NAMES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)

N_CLASSES = len(CLASS_NAMES)
SIDE = 28  # pixels
N_PIXELS = SIDE * SIDE
N_TRAIN, N_TEST = 60_000, 10_000

OWN_DIRECTORY = Path(__file__).resolve().parent / "data"


@dataclass(frozen=True, eq=False)
class Split:
    """Pictures and their classes, in the original order.

    Attributes
    ----------
    images : ndarray of shape (n, 28, 28), uint8
        Grey values, 0 (background) to 255; read-only.
    labels : ndarray of shape (n,), uint8
        Index into `CLASS_NAMES`, 0-9; read-only.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class FashionMNIST:
    """The whole data set.

    Attributes
    ----------
    train : Split
        60,000 pictures, 6,000 a class.
    test : Split
        10,000 pictures, 1,000 a class.
    digest : str
        SHA-256, in hex, over the SHA-256 of the four decompressed files. It is part of a run's identity.
    """

    train: Split
    test: Split
    digest: str


@dataclass(frozen=True)
class _IdxFile:
    """An original file: its name, the shape of its array, the SHA-256 of its decompressed bytes."""

    name: str
    shape: tuple[int, ...]
    sha256: str

    @property
    def header(self) -> bytes:
        """Two zero bytes, type 8 (unsigned byte), number of dimensions, each length as four bytes."""
        lengths = b"".join(length.to_bytes(4, "big") for length in self.shape)
        return bytes([0, 0, 8, len(self.shape)]) + lengths

    @property
    def n_bytes(self) -> int:
        return len(self.header) + prod(self.shape)


_TRAIN_IMAGES = _IdxFile(
    "train-images-idx3-ubyte.gz",
    (N_TRAIN, SIDE, SIDE),
    "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
)
_TRAIN_LABELS = _IdxFile(
    "train-labels-idx1-ubyte.gz",
    (N_TRAIN,),
    "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
)
_TEST_IMAGES = _IdxFile(
    "t10k-images-idx3-ubyte.gz",
    (N_TEST, SIDE, SIDE),
    "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
)
_TEST_LABELS = _IdxFile(
    "t10k-labels-idx1-ubyte.gz",
    (N_TEST,),
    "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
)
_FILES = (_TRAIN_IMAGES, _TRAIN_LABELS, _TEST_IMAGES, _TEST_LABELS)

# Known before anything is loaded, because only these very bytes are accepted. It is part of a run's identity.
DATA_DIGEST = hashlib.sha256(b"".join(bytes.fromhex(file.sha256) for file in _FILES)).hexdigest()

# Decompressed the largest has 47 MB, so no original needs more; and no stray file can fill the memory.
_MOST_COMPRESSED = 50_000_000

_loaded: dict[str, FashionMNIST] = {}
_loading = threading.Lock()


def load_dataset(directory: str | os.PathLike[str] | None = None) -> FashionMNIST:
    """Load the data set, after checking that it is the original one.

    A folder is read once per process: later calls return the same object, from any thread. A failed load is
    not remembered, so a mended folder loads at the next call.

    Parameters
    ----------
    directory : path, optional
        Folder with the four IDX ``.gz`` files. Default: the environment variable ``FMNIST_DATA`` if it is
        set, else the copy that comes with the package.

    Returns
    -------
    FashionMNIST
        Read-only uint8 arrays, 55 MB.

    Raises
    ------
    DatasetError
        A file is missing, unreadable or not the original. The message names it and says how to mend that.
    """
    folder, mend = _choose_directory(directory)
    with _loading:
        if folder not in _loaded:
            _loaded[folder] = _load(Path(folder), mend)
        return _loaded[folder]


def _choose_directory(directory: str | os.PathLike[str] | None) -> tuple[str, str]:
    """Return the folder to read, and what to advise when a file in it (``{name}``) is not as it should be."""
    from_environment = os.environ.get("FMNIST_DATA")
    if directory is not None:
        mend = "Put the original {name} there, or leave the directory out to use the project's own copy."
        chosen = os.fspath(directory)
    elif from_environment:
        mend = "Put the original {name} there, or unset FMNIST_DATA to use the project's own copy."
        chosen = from_environment
    else:
        mend = "Restore it with `git checkout -- fmnist_core/data`."
        chosen = os.fspath(OWN_DIRECTORY)
    try:
        folder = os.path.realpath(os.path.expanduser(chosen))
        if os.path.isdir(folder):
            return folder, mend
    except ValueError:  # a path that no system accepts: it holds a zero byte
        folder = repr(chosen)
    source = "" if directory is not None or not from_environment else "FMNIST_DATA names "
    raise DatasetError(f"{source}{folder}, which is not a folder. {mend.format(name='four files')}")


def _load(folder: Path, mend: str) -> FashionMNIST:
    def read(file: _IdxFile) -> NDArray[np.uint8]:
        try:
            return _read(folder / file.name, file)
        except DatasetError as error:
            raise DatasetError(f"{folder / file.name} {error}. {mend.format(name=file.name)}") from error.__cause__

    # two threads: one takes the large file, the other the rest; zlib and SHA-256 release the GIL
    with ThreadPoolExecutor(max_workers=2) as readers:
        train_images, train_labels, test_images, test_labels = readers.map(read, _FILES)
    return FashionMNIST(Split(train_images, train_labels), Split(test_images, test_labels), DATA_DIGEST)


def _read(path: Path, file: _IdxFile) -> NDArray[np.uint8]:
    """Read one file as a read-only array; a `DatasetError` raised here does not name the file yet."""
    content = _decompress(_read_compressed(path), file)
    _check_header(content, file)
    # an array over immutable bytes: it cannot be made writeable again
    values = np.frombuffer(content, dtype=np.uint8, offset=len(file.header)).reshape(file.shape)
    if len(file.shape) == 1 and values.max() >= N_CLASSES:
        raise DatasetError(f"holds the label {values.max()}; labels are 0 to {N_CLASSES - 1}")
    sha256 = hashlib.sha256(content).hexdigest()
    if sha256 != file.sha256:
        raise DatasetError(
            f"is damaged: its decompressed bytes have the SHA-256 {sha256}, the original's {file.sha256}"
        )
    return values


def _read_compressed(path: Path) -> bytes:
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise DatasetError("is a folder, not a file")
        if not stat.S_ISREG(mode):  # reading a pipe or a device may never end
            raise DatasetError("is not an ordinary file")
        with open(path, "rb") as stream:
            compressed = stream.read(_MOST_COMPRESSED + 1)
    except FileNotFoundError as error:
        raise DatasetError("is missing") from error
    except PermissionError as error:
        raise DatasetError("may not be read: permission denied") from error
    except OSError as error:
        raise DatasetError(f"cannot be read: {error.strerror or error}") from error
    if not compressed:
        raise DatasetError("is empty")
    if len(compressed) > _MOST_COMPRESSED:
        raise DatasetError(f"is larger than {_MOST_COMPRESSED:,} bytes, more than any of the originals")
    return compressed


def _decompress(compressed: bytes, file: _IdxFile) -> bytes:
    """Decompress one gzip member, never to more than one byte past the size expected."""
    decompressor = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)  # 16: a gzip header, and its CRC is checked
    try:
        content = decompressor.decompress(compressed, file.n_bytes + 1)
    except zlib.error as error:
        raise DatasetError(f"is not a sound gzip file ({error})") from error
    if len(content) <= file.n_bytes:
        if not decompressor.eof:
            raise DatasetError("is cut short: the end of the gzip data is missing")
        if decompressor.unused_data:
            raise DatasetError(f"has {len(decompressor.unused_data):,} bytes too many after the gzip data")
    return content


def _check_header(content: bytes, file: _IdxFile) -> None:
    header = content[: len(file.header)]
    if header[:3] != b"\0\0\x08":
        raise DatasetError("is not an IDX file of unsigned bytes")
    n_dimensions = header[3] if len(header) > 3 else 0
    lengths = np.frombuffer(content[4 : 4 + 4 * n_dimensions].ljust(4 * n_dimensions, b"\0"), dtype=">u4")
    shape = tuple(int(length) for length in lengths)
    if shape != file.shape:
        raise DatasetError(
            f"holds an array of shape {shape}, expected {file.shape}; is it another file under this name?"
        )
    if len(content) != file.n_bytes:
        more_or_less = "more" if len(content) > file.n_bytes else "fewer"
        raise DatasetError(f"holds {more_or_less} values than its header announces")

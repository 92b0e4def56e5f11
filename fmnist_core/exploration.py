"""What can be known about the pictures before anything is trained: classes, what is typical, a map."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh

from fmnist_core.dataset import N_CLASSES, N_PIXELS, OWN_DIRECTORY, Split
from fmnist_core.errors import DatasetError

_WHITE = 255.0
_BLOCK = 500  # pictures widened to floats or long integers at a time: a few MB, where all would need hundreds


@dataclass(frozen=True, eq=False)
class ClassStatistics:
    """What the pictures of each class have in common, and how they differ.

    Parameters
    ----------
    counts : ndarray of shape (10,), int64
        Pictures of each class.
    means : ndarray of shape (10, 28, 28), float64, 0-255
        The mean picture: each pixel averaged over the class.
    spreads : ndarray of shape (10, 28, 28), float64, 0-128
        Each pixel's standard deviation within the class.
    histograms : ndarray of shape (10, 256), int64
        How many of the class's pixels have which grey value.
    """

    counts: np.ndarray
    means: np.ndarray
    spreads: np.ndarray
    histograms: np.ndarray


def describe_classes(split: Split) -> ClassStatistics:
    """Count, average and spread the pictures of each class."""
    counts = np.bincount(split.labels, minlength=N_CLASSES)
    # sums of whole numbers are exact, in whatever portions they are added
    sums, squares = np.zeros((2, N_CLASSES, 28, 28), dtype=np.int64)
    histograms = np.zeros((N_CLASSES, 256), dtype=np.int64)
    for number, positions in _blocks_of_one_class(split.labels):
        own = split.images[positions]
        sums[number] += own.sum(axis=0, dtype=np.int64)
        squares[number] += np.square(own, dtype=np.uint16).sum(axis=0, dtype=np.int64)
        histograms[number] += np.bincount(own.ravel(), minlength=256)
    n = counts[:, None, None]
    means = sums / n
    spreads = np.sqrt(np.maximum(squares / n - means**2, 0.0))
    return ClassStatistics(counts, *(_fixed(each) for each in (means, spreads, histograms)))


def distances_to_mean(split: Split, means: np.ndarray) -> np.ndarray:
    """How far each picture is from the mean picture of its class: small is typical, large is not.

    Parameters
    ----------
    split : Split
    means : ndarray of shape (10, 28, 28), 0-255
        Usually the training pictures', also for test pictures.

    Returns
    -------
    ndarray of shape (n,), float32
        Euclidean distance over the 784 pixels scaled to 0-1.
    """
    distances = np.empty(len(split.labels), dtype=np.float32)
    for number, positions in _blocks_of_one_class(split.labels):
        away = split.images[positions].reshape(-1, N_PIXELS) - means[number].reshape(-1).astype(np.float32)
        distances[positions] = np.sqrt(np.einsum("ij,ij->i", away, away)) / _WHITE
    return _fixed(distances)


@dataclass(frozen=True, eq=False)
class Separation:
    """What tells two classes apart, when only their mean pictures are known.

    Parameters
    ----------
    difference : ndarray of shape (28, 28), float64, -255 to 255
        Mean picture of the second class minus that of the first.
    places : tuple of two ndarrays of shape (n,), float32
        Where each picture of the first and of the second class stands on the line from one mean (0) to the other (1).
    mistaken : float
        The share of both that stands nearer to the wrong mean.
    """

    difference: np.ndarray
    places: tuple[np.ndarray, np.ndarray]
    mistaken: float


def separate(split: Split, means: np.ndarray, first: int, second: int) -> Separation:
    """Lay all pictures of two different classes on the line between their mean pictures."""
    start, difference = means[first].reshape(-1), (means[second] - means[first]).reshape(-1)
    weights = (difference / (difference @ difference)).astype(np.float32)
    offset = np.float32(start @ weights)
    along = np.empty(len(split.labels), dtype=np.float32)
    for _, positions in _blocks_of_one_class(split.labels, (first, second)):
        along[positions] = split.images[positions].reshape(-1, N_PIXELS) @ weights - offset
    places = [_fixed(along[split.labels == number]) for number in (first, second)]
    n_wrong = np.count_nonzero(places[0] > 0.5) + np.count_nonzero(places[1] < 0.5)
    return Separation(difference.reshape(28, 28), (places[0], places[1]), n_wrong / (len(places[0]) + len(places[1])))


@dataclass(frozen=True, eq=False)
class PictureMap:
    """Some training pictures laid out in two dimensions, similar ones close together.

    Parameters
    ----------
    positions : ndarray of shape (3000,), int32
        Their positions in the training pictures, 300 of each class, ascending.
    tsne : ndarray of shape (3000, 2), float32
        t-SNE keeps neighbours together; distances between clusters mean little.
    pca : ndarray of shape (3000, 2), float32
        The two directions along which the pictures differ most; in units of pixels scaled to 0-1.
    explained : tuple of two floats
        The share of all variance that lies along each of them.
    """

    positions: np.ndarray
    tsne: np.ndarray
    pca: np.ndarray
    explained: tuple[float, float]


def lay_out(split: Split) -> PictureMap:
    """The map: t-SNE as it was prepared by `fmnist_core.data.make_map`, PCA computed now.

    Raises
    ------
    DatasetError
        When ``map.npz`` is missing or damaged.
    """
    path = OWN_DIRECTORY / "map.npz"
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as prepared:
            positions, tsne = prepared["positions"], prepared["tsne"]
    # zipfile, zlib and numpy fail in many ways on a damaged file; each means the same here
    except Exception as error:
        raise DatasetError(
            f"{path} cannot be read ({type(error).__name__}). Restore it with `git checkout -- {path.name}` "
            "in its folder, or make it again with `python -m fmnist_core.data.make_map`."
        ) from error
    images = split.images[positions]
    mean = images.mean(axis=0, dtype=np.float64).reshape(-1) / _WHITE
    covariance = np.zeros((N_PIXELS, N_PIXELS), dtype=np.float32)
    for start in range(0, len(images), _BLOCK):
        away = _scaled(images[start : start + _BLOCK]) - mean.astype(np.float32)
        covariance += away.T @ away / len(images)
    variances, axes = eigh(covariance, subset_by_index=[N_PIXELS - 2, N_PIXELS - 1])
    axes, variances = axes[:, ::-1], variances[::-1]  # eigh sorts upwards
    # a sign is arbitrary: the largest entry is made positive, as scikit-learn does
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), [0, 1]])
    shares = variances / np.trace(covariance)
    pca = np.concatenate(
        [_scaled(images[start : start + _BLOCK]) @ axes for start in range(0, len(images), _BLOCK)]
    ) - (mean @ axes).astype(np.float32)
    return PictureMap(_fixed(positions), _fixed(tsne), _fixed(pca), (float(shares[0]), float(shares[1])))


def count_neighbours(images: np.ndarray, labels: np.ndarray, n: int = 10) -> np.ndarray:
    """Which classes live next to which: the classes of each picture's `n` nearest among the others given.

    Parameters
    ----------
    images : ndarray of shape (m, 28, 28), uint8
        A sample: all pairs are compared, so 3,000 are plenty.
    labels : ndarray of shape (m,), uint8

    Returns
    -------
    ndarray of shape (10, 10), int64
        Row: a picture's class. Column: its neighbour's. With as many pictures of each class, each row adds up to
        the same.
    """
    pixels = _scaled(images)
    norms = np.einsum("ij,ij->i", pixels, pixels)
    counts = np.zeros((N_CLASSES, N_CLASSES), dtype=np.int64)
    block = 100  # rows compared at a time: 1 MB of distances
    for start in range(0, len(pixels), block):
        rows = np.arange(start, min(start + block, len(pixels)))
        distances = norms - 2.0 * (pixels[rows] @ pixels.T)  # squared, but for what is the same in all of a row
        distances[rows - start, rows] = np.inf  # nobody is their own neighbour
        nearest = np.argpartition(distances, n, axis=1)[:, :n]
        np.add.at(counts, (np.repeat(labels[rows], n), labels[nearest].ravel()), 1)
    return _fixed(counts)


def _blocks_of_one_class(
    labels: np.ndarray, classes: Iterable[int] = range(N_CLASSES)
) -> Iterator[tuple[int, np.ndarray]]:
    """The positions of the classes' pictures, a class after the other, a few at a time; (k,), int64."""
    for number in classes:
        own = np.flatnonzero(labels == number)
        for start in range(0, len(own), _BLOCK):
            yield number, own[start : start + _BLOCK]


def _scaled(images: np.ndarray) -> np.ndarray:
    pixels = images.reshape(len(images), -1).astype(np.float32)
    pixels /= np.float32(_WHITE)
    return pixels


def _fixed(array: np.ndarray) -> np.ndarray:
    """Read-only, because all visitors share it."""
    array.flags.writeable = False
    return array

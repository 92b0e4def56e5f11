"""The pictures most like a picture: exact search among 60,000 in a few milliseconds, with 12 MB of memory.

Comparing all 784 pixels with all pictures takes 26 ms and much memory. Instead each picture is first described by
48 numbers: its place along the 47 directions in which pictures differ most, and the length of all that is left over.
The distance between two descriptions is never larger than that between the pictures (by Pythagoras along the 47, by the
triangle inequality for the rest). So a picture whose description is farther away than ten real distances already
found cannot be among the ten nearest; only the others, a few hundred, are compared pixel by pixel.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh

_N_AXES = 47
_N_FOR_AXES = 3_000  # pictures that choose the directions; any directions give exact answers, good ones fast answers
_BLOCK = 500  # pictures widened to floats at a time: a few MB
# Rows of the search's one large product at a time. Small products stay on the caller's thread: with BLAS' own threads
# a search waited up to 30 times as long while the machine was busy.
_PRODUCT_BLOCK = 6_000


@dataclass(frozen=True, eq=False)
class Neighbours:
    """The nearest pictures, nearest first.

    Parameters
    ----------
    positions : ndarray of shape (n,), int64
        In the pictures that were searched; of two equally far the first comes first.
    distances : ndarray of shape (n,), float64
        Euclidean, over the 784 pixels scaled to 0-1.
    """

    positions: np.ndarray
    distances: np.ndarray


class NeighbourIndex:
    """Descriptions of `images`, for `find`.

    Parameters
    ----------
    images : ndarray of shape (m, 28, 28), uint8
        Not copied. 60,000 take about a second.
    """

    def __init__(self, images: np.ndarray) -> None:
        self._pixels = images.reshape(len(images), -1)
        sample = self._pixels[np.linspace(0, len(images) - 1, min(_N_FOR_AXES, len(images)), dtype=np.int64)]
        self._centre = sample.mean(axis=0, dtype=np.float64).astype(np.float32)
        n_pixels = self._pixels.shape[1]
        products = np.zeros((n_pixels, n_pixels), dtype=np.float32)
        for start in range(0, len(sample), _BLOCK):
            centred = sample[start : start + _BLOCK] - self._centre
            products += centred.T @ centred
        _, axes = eigh(products, subset_by_index=[n_pixels - _N_AXES, n_pixels - 1])
        self._axes = np.ascontiguousarray(axes)
        self._descriptions = np.empty((len(images), _N_AXES + 1), dtype=np.float32)
        for start in range(0, len(images), _BLOCK):
            block = slice(start, start + _BLOCK)
            self._descriptions[block] = self._describe(self._pixels[block])
        self._norms = np.einsum("ij,ij->i", self._descriptions, self._descriptions)
        # float32 is right to about seven digits of the largest norm; this is a hundred times that, and still far
        # less than pictures differ by
        self._rounding = 1e-5 * float(self._norms.max())

    def find(self, image: np.ndarray, n: int = 10, leave_out: int | None = None) -> Neighbours:
        """The `n` nearest pictures to `image`; exact.

        Parameters
        ----------
        image : ndarray of shape (28, 28), uint8
        n : int
        leave_out : int, optional
            A position that does not count: the picture's own, when it is one of those searched.
        """
        pixels = image.reshape(1, -1)
        bounds = self._bounds(self._describe(pixels)[0])
        if leave_out is not None:
            bounds[leave_out] = np.inf
        n_others = len(bounds) - (leave_out is not None)
        n = min(n, n_others)
        likely = np.argpartition(bounds, min(10 * n, n_others) - 1)[: min(10 * n, n_others)]
        reach = np.partition(self._squares(likely, pixels[0]), n - 1)[n - 1]
        possible = np.flatnonzero(bounds <= reach + self._rounding)
        squares = self._squares(possible, pixels[0])
        order = np.lexsort((possible, squares))[:n]
        return Neighbours(possible[order], np.sqrt(squares[order]) / 255.0)

    def _describe(self, pixels: np.ndarray) -> np.ndarray:
        """(k, 784) uint8 -> (k, 48) float32: along the axes, and the length of the rest."""
        centred = pixels - self._centre
        along = centred @ self._axes
        rest = np.einsum("ij,ij->i", centred, centred) - np.einsum("ij,ij->i", along, along)
        return np.column_stack([along, np.sqrt(np.maximum(rest, 0.0))])

    def _bounds(self, description: np.ndarray) -> np.ndarray:
        """No picture's squared distance is smaller than this, but for rounding; (m,), float32."""
        products = np.empty(len(self._norms), dtype=np.float32)
        for start in range(0, len(products), _PRODUCT_BLOCK):
            block = slice(start, start + _PRODUCT_BLOCK)
            np.dot(self._descriptions[block], description, out=products[block])
        return self._norms - 2.0 * products + description @ description

    def _squares(self, positions: np.ndarray, pixels: np.ndarray) -> np.ndarray:
        """Squared distances, in whole numbers and so without rounding; (k,), int32."""
        away = self._pixels[positions].astype(np.int16) - pixels
        return np.einsum("ij,ij->i", away, away, dtype=np.int32)

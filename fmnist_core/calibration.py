"""May one trust what a model says of itself? Stated confidence against how often it was right."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fmnist_core.intervals import wilson_interval

N_BINS = 15


@dataclass(frozen=True, eq=False)
class Calibration:
    """Confidence against accuracy, in bins of equal width; empty bins are left out.

    Parameters
    ----------
    edges : ndarray of shape (k, 2), float64
        Confidences from (excluded) and to (included).
    confidence, accuracy : ndarray of shape (k,), float64
        Mean of each bin.
    intervals : ndarray of shape (k, 2), float64
        Each accuracy's 95 % interval (Wilson).
    n_pictures : ndarray of shape (k,), int64
    expected_error : float
        Expected calibration error: the bins' gaps between confidence and accuracy, weighted by their pictures.
    """

    edges: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray
    intervals: np.ndarray
    n_pictures: np.ndarray
    expected_error: float


def calibrate(right: np.ndarray, confidences: np.ndarray, n_bins: int = N_BINS) -> Calibration:
    """Hold stated confidences against how often they were right.

    Parameters
    ----------
    right : ndarray of shape (n,), bool
    confidences : ndarray of shape (n,), 0-1
        Probability that each prediction was given.
    n_bins : int
        Bins of equal width between 0 and 1.
    """
    borders = np.linspace(0.0, 1.0, n_bins + 1)
    places = np.searchsorted(borders[1:-1], confidences)
    n_pictures = np.bincount(places, minlength=n_bins)
    used = n_pictures > 0
    n = n_pictures[used]
    confidence = np.bincount(places, weights=confidences, minlength=n_bins)[used] / n
    n_right = np.bincount(places, weights=right, minlength=n_bins)[used]
    return Calibration(
        edges=np.column_stack([borders[:-1], borders[1:]])[used],
        confidence=confidence,
        accuracy=n_right / n,
        intervals=np.array([wilson_interval(int(k), int(m)) for k, m in zip(n_right, n, strict=True)]),
        n_pictures=n,
        expected_error=float(np.sum(n * np.abs(confidence - n_right / n)) / len(right)),
    )


@dataclass(frozen=True, eq=False)
class Answering:
    """What accuracy would be if only the surest answers counted.

    Parameters
    ----------
    n_answered : ndarray of shape (k,), int64
        How many of the pictures are answered, the surest first.
    accuracy : ndarray of shape (k,), float64
        Among those.
    threshold : ndarray of shape (k,), float64
        Confidence of the last one that is answered.
    """

    n_answered: np.ndarray
    accuracy: np.ndarray
    threshold: np.ndarray


def answer_only_when_sure(right: np.ndarray, confidences: np.ndarray, n_points: int = 200) -> Answering:
    """Accuracy against the share of pictures that are answered.

    Parameters
    ----------
    right : ndarray of shape (n,), bool
    confidences : ndarray of shape (n,)
        Anything that ranks: a probability, or a lead over the second choice.
    n_points : int
        Shares at most, spread evenly; the last is all pictures.
    """
    order = np.argsort(-confidences, kind="stable")
    n_answered = np.unique(np.linspace(1, len(right), min(n_points, len(right))).round().astype(np.int64))
    return Answering(
        n_answered=n_answered,
        accuracy=np.cumsum(right[order])[n_answered - 1] / n_answered,
        threshold=confidences[order][n_answered - 1].astype(np.float64),
    )


def top_k_accuracy(labels: np.ndarray, ranking: np.ndarray, k: int = 2) -> float:
    """How often the true class is among the `k` that the model ranks highest.

    Parameters
    ----------
    labels : ndarray of shape (n,), integers 0-9
    ranking : ndarray of shape (n, 10)
        Probabilities or scores. Of classes that tie the lower number counts as higher, as in `argmax`.
    """
    own = ranking[np.arange(len(labels)), labels][:, None]
    earlier = np.arange(ranking.shape[1]) < labels[:, None]
    n_ahead = np.count_nonzero((ranking > own) | ((ranking == own) & earlier), axis=1)
    return float(np.mean(n_ahead < k))

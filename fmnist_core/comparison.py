"""Two runs on the same pictures: what one bought over the other, and whether it is more than chance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest

from fmnist_core.intervals import paired_interval

SIGNIFICANT = 0.05


@dataclass(frozen=True, eq=False)
class Duel:
    """Two models, A and B, judged on the same pictures.

    Parameters
    ----------
    both_right, only_a, only_b, both_wrong : ndarray of shape (n,), bool
        Which pictures. Each picture is in exactly one of the four.
    difference : float
        Accuracy of A minus accuracy of B.
    interval : tuple of float
        The difference's 95 % interval (Tango's score interval for paired shares).
    p_value : float
        McNemar's exact test: how probable a division of the disputed pictures at least as uneven as this one is,
        when neither model is better.
    """

    both_right: np.ndarray
    only_a: np.ndarray
    only_b: np.ndarray
    both_wrong: np.ndarray
    difference: float
    interval: tuple[float, float]
    p_value: float

    @property
    def n_pictures(self) -> int:
        """Pictures that both were judged on."""
        return len(self.both_right)

    @property
    def parts(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """The four groups: both right, only A, only B, both wrong."""
        return self.both_right, self.only_a, self.only_b, self.both_wrong

    @property
    def counts(self) -> tuple[int, int, int, int]:
        """Pictures in each of `parts`."""
        both, a, b, none = (int(np.count_nonzero(each)) for each in self.parts)
        return both, a, b, none

    @property
    def accuracies(self) -> tuple[float, float]:
        """Of A and of B, on these pictures."""
        both, a, b, _ = self.counts
        return (both + a) / self.n_pictures, (both + b) / self.n_pictures

    @property
    def is_real(self) -> bool:
        """Whether chance is an unlikely explanation of the difference."""
        return self.p_value < SIGNIFICANT


def compare(labels: np.ndarray, predictions_a: np.ndarray, predictions_b: np.ndarray) -> Duel:
    """Judge two models on the same pictures.

    Parameters
    ----------
    labels, predictions_a, predictions_b : ndarray of shape (n,), integers 0-9
        The same picture at the same place in all three; at least one picture.

    Raises
    ------
    ValueError
        When the shapes differ, or there is no picture.
    """
    if not len(labels) == len(predictions_a) == len(predictions_b) or len(labels) == 0:
        raise ValueError(
            f"A duel needs the same pictures, at least one: got {len(labels)} labels, {len(predictions_a)} "
            f"predictions of A and {len(predictions_b)} of B."
        )
    a, b = predictions_a == labels, predictions_b == labels
    only_a, only_b = a & ~b, b & ~a
    n_a, n_b = int(only_a.sum()), int(only_b.sum())
    return Duel(
        both_right=a & b,
        only_a=only_a,
        only_b=only_b,
        both_wrong=~(a | b),
        difference=(n_a - n_b) / len(labels),
        interval=paired_interval(n_a, n_b, len(labels)),
        p_value=mcnemar_p(n_a, n_b),
    )


def mcnemar_p(n_only_a: int, n_only_b: int) -> float:
    """Exact two-sided p value of McNemar's test; 1 when the two never differ."""
    disputed = n_only_a + n_only_b
    return float(binomtest(n_only_a, disputed).pvalue) if disputed else 1.0

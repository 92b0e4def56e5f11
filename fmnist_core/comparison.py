"""Two runs on the same pictures: what one bought over the other, and whether it is more than chance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.stats import binomtest

from fmnist_core.evaluation import Z_95

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


def paired_interval(n_only_a: int, n_only_b: int, n: int) -> tuple[float, float]:
    """95 % interval of the difference of two accuracies on the same pictures.

    Parameters
    ----------
    n_only_a, n_only_b : int
        Pictures that only one of them got right.
    n : int
        Pictures in all, at least 1.

    Notes
    -----
    Tango's score interval (Statistics in Medicine 17, 1998): the differences that a score test would not reject.
    Unlike the textbook's interval it holds for few disputed pictures too, and does not collapse when there are none.
    """
    estimate = (n_only_a - n_only_b) / n

    def excess(difference: float, z: float) -> float:
        # The share of "only B" pictures that fits the data best while the difference is held fixed.
        linear = (2 * n - n_only_a + n_only_b) * difference - n_only_a - n_only_b
        constant = -n_only_b * difference * (1 - difference)
        share = (np.sqrt(max(linear**2 - 8 * n * constant, 0.0)) - linear) / (4 * n)
        variance = n * max(2 * share + difference * (1 - difference), 0.0)
        return float(n_only_a - n_only_b - n * difference - z * np.sqrt(variance))

    # The estimate itself is a root too when its variance is nil, and no end of the interval.
    beside = 1e-9
    low = -1.0 if estimate <= -1.0 else brentq(excess, -1.0, estimate - beside, args=(Z_95,), xtol=1e-12)
    high = 1.0 if estimate >= 1.0 else brentq(excess, estimate + beside, 1.0, args=(-Z_95,), xtol=1e-12)
    return float(low), float(high)

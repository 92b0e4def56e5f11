"""How far chance may have moved an accuracy, or the difference of two: 95 % intervals."""

from __future__ import annotations

import numpy as np
from scipy.optimize import brentq

Z_95 = 1.959963984540054  # the normal distribution's 97.5 % point: 95 % lie within


def wilson_interval(n_right: int, n: int) -> tuple[float, float]:
    """95 % interval of a share, by Wilson's score (1927).

    Parameters
    ----------
    n_right : int
        Successes.
    n : int
        Trials, at least 1.
    """
    share, z2 = n_right / n, Z_95**2
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z_95 * np.sqrt(share * (1 - share) / n + z2 / (4 * n**2)) / (1 + z2 / n)
    return max(float(centre - half), 0.0), min(float(centre + half), 1.0)


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

"""Held against statsmodels, and against the definition of the score interval by a numerical search."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from statsmodels.stats.proportion import proportion_confint

from fmnist_core.intervals import Z_95, paired_interval, wilson_interval


@pytest.mark.parametrize(("n_right", "n"), [(0, 10), (10, 10), (49165, 60000), (10163, 12000), (1, 1)])
def test_the_interval_is_wilsons(n_right, n):
    assert wilson_interval(n_right, n) == pytest.approx(proportion_confint(n_right, n, method="wilson"), abs=1e-12)


def score(only_a, only_b, n, difference):
    """The score test's statistic, its nuisance share found by numerical search instead of by formula."""
    rest = n - only_a - only_b

    def misfit(share):
        # the three cells' probabilities: only A, only B, the rest
        cells = np.array([share + difference, share, 1 - 2 * share - difference])
        if (cells < -1e-15).any():
            return np.inf
        return -np.sum(np.array([only_a, only_b, rest]) * np.log(np.maximum(cells, 1e-300)))

    low, high = max(0.0, -difference), (1 - difference) / 2
    share = minimize_scalar(misfit, bounds=(low, high), method="bounded", options={"xatol": 1e-13}).x
    return (only_a - only_b - n * difference) / np.sqrt(n * (2 * share + difference - difference**2))


@pytest.mark.parametrize(
    ("only_a", "only_b", "n"), [(12, 2, 50), (3, 9, 150), (700, 640, 12_000), (1, 1, 40), (400, 60, 3000)]
)
def test_the_ends_of_the_interval_are_where_the_score_test_rejects(only_a, only_b, n):
    low, high = paired_interval(only_a, only_b, n)
    assert low < (only_a - only_b) / n < high
    assert score(only_a, only_b, n, low) == pytest.approx(Z_95, abs=1e-4)
    assert score(only_a, only_b, n, high) == pytest.approx(-Z_95, abs=1e-4)


@pytest.mark.parametrize("n", [1, 10, 5000])
def test_nothing_disputed_still_leaves_doubt(n):
    low, high = paired_interval(0, 0, n)
    bound = Z_95**2 / (n + Z_95**2)
    assert (low, high) == pytest.approx((-bound, bound), abs=1e-9)
    low, high = paired_interval(n, 0, n)
    assert (low, high) == pytest.approx(((n - Z_95**2) / (n + Z_95**2), 1.0), abs=1e-9)
    assert paired_interval(0, n, n) == pytest.approx((-high, -low), abs=1e-9)

"""The duel against statsmodels, scipy, and the definition of the score interval."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.weightstats import DescrStatsW

from fmnist_core.comparison import compare, mcnemar_p
from fmnist_core.intervals import Z_95, paired_interval


@pytest.fixture(scope="module")
def answers():
    random = np.random.default_rng(5)
    labels = random.integers(0, 10, 12_000)
    a, b = (np.where(random.random(12_000) < share, labels, (labels + 1) % 10) for share in (0.87, 0.84))
    return labels, a, b


def test_the_four_groups_divide_the_pictures(answers):
    labels, a, b = answers
    duel = compare(labels, a, b)
    np.testing.assert_array_equal(np.sum(duel.parts, axis=0), 1)
    np.testing.assert_array_equal(duel.only_a, (a == labels) & (b != labels))
    np.testing.assert_array_equal(duel.both_wrong, (a != labels) & (b != labels))
    assert sum(duel.counts) == duel.n_pictures == 12_000
    assert duel.accuracies == (np.mean(a == labels), np.mean(b == labels))
    assert duel.difference == pytest.approx(duel.accuracies[0] - duel.accuracies[1])


def test_the_p_value_is_statsmodels_exact_mcnemar(answers):
    labels, a, b = answers
    duel = compare(labels, a, b)
    both, only_a, only_b, none = duel.counts
    assert duel.p_value == pytest.approx(mcnemar([[both, only_a], [only_b, none]], exact=True).pvalue, rel=1e-12)


def test_a_duel_of_real_runs_is_statsmodels(real_network, real_baseline, dataset):
    common = real_network.validation_indices
    labels = dataset.train.labels[common]
    a = real_network.validation_probabilities.argmax(axis=1)
    b = real_baseline.out_of_fold_scores[common].argmax(axis=1)
    duel = compare(labels, a, b)
    both, only_a, only_b, none = duel.counts
    assert only_a > 100
    assert only_b > 100
    assert duel.p_value == pytest.approx(mcnemar([[both, only_a], [only_b, none]], exact=True).pvalue, rel=1e-9)
    paired = (a == labels).astype(float) - (b == labels)
    assert duel.difference == pytest.approx(paired.mean(), abs=1e-12)
    # Wald's and Tango's intervals differ by less than a picture in 12,000.
    assert duel.interval == pytest.approx(DescrStatsW(paired).zconfint_mean(alpha=0.05), abs=1 / 12_000)


@pytest.mark.parametrize(("only_a", "only_b"), [(0, 0), (1, 0), (5, 5), (9, 2), (0, 30), (700, 640), (1000, 5)])
def test_p_values_of_all_sizes(only_a, only_b):
    expected = mcnemar([[0, only_a], [only_b, 0]], exact=True).pvalue if only_a + only_b else 1.0
    # statsmodels doubles one tail, which can pass 1.
    assert mcnemar_p(only_a, only_b) == pytest.approx(min(expected, 1.0), rel=1e-9)


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


def test_for_many_pictures_the_interval_is_the_one_of_the_mean_paired_difference(answers):
    labels, a, b = answers
    paired = (a == labels).astype(float) - (b == labels)
    expected = DescrStatsW(paired).zconfint_mean(alpha=0.05)
    assert compare(labels, a, b).interval == pytest.approx(expected, abs=2e-5)


def test_swapping_the_two_mirrors_everything(answers):
    labels, a, b = answers
    forth, back = compare(labels, a, b), compare(labels, b, a)
    assert forth.difference == -back.difference
    assert forth.interval == pytest.approx((-back.interval[1], -back.interval[0]), abs=1e-9)
    assert forth.p_value == back.p_value


@pytest.mark.parametrize("n", [1, 10, 5000])
def test_nothing_disputed_still_leaves_doubt(n):
    low, high = paired_interval(0, 0, n)
    bound = Z_95**2 / (n + Z_95**2)
    assert (low, high) == pytest.approx((-bound, bound), abs=1e-9)
    low, high = paired_interval(n, 0, n)
    assert (low, high) == pytest.approx(((n - Z_95**2) / (n + Z_95**2), 1.0), abs=1e-9)
    assert paired_interval(0, n, n) == pytest.approx((-high, -low), abs=1e-9)


def test_a_real_difference_is_told_from_chance():
    labels = np.zeros(1000, dtype=int)
    right, often = np.zeros(1000, dtype=int), (np.arange(1000) < 30).astype(int)
    assert compare(labels, right, often).is_real
    assert not compare(labels, (np.arange(1000) % 2), ((np.arange(1000) + 1) % 2)).is_real


def test_different_pictures_are_refused():
    with pytest.raises(ValueError, match="the same pictures"):
        compare(np.zeros(3), np.zeros(3), np.zeros(4))
    with pytest.raises(ValueError, match="at least one"):
        compare(np.zeros(0), np.zeros(0), np.zeros(0))

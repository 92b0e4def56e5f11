"""The duel against statsmodels."""

import numpy as np
import pytest
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.weightstats import DescrStatsW

from fmnist_core.comparison import compare, mcnemar_p


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

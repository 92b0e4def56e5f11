"""Held against the plain definition of confident learning, and against labels that were exchanged on purpose."""

import numpy as np
import pytest

from fmnist_core.doubtful_labels import find_doubtful


def plain_confident_learning(labels, probabilities):
    """The definition of Northcutt, Jiang & Chuang, section 3.1, picture by picture."""
    n_classes = len(probabilities[0])
    thresholds = []
    for wanted in range(n_classes):
        own = [row[wanted] for row, label in zip(probabilities, labels, strict=True) if label == wanted]
        thresholds.append(sum(own) / len(own))
    found = {}
    for position, (label, row) in enumerate(zip(labels, probabilities, strict=True)):
        passed = [other for other in range(n_classes) if row[other] >= thresholds[other]]
        if passed:
            best = max(passed, key=lambda other: row[other])
            if best != label:
                found[position] = best
    return found


@pytest.mark.parametrize("seed", range(5))
def test_doubtful_labels_are_those_of_the_plain_definition(seed):
    random = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(10), random.integers(0, 10, 990)]).astype(np.uint8)
    probabilities = random.dirichlet(np.full(10, 0.3), 1000)
    probabilities[np.arange(1000), labels] += random.uniform(0, 2, 1000)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    doubtful = find_doubtful(labels, probabilities)
    expected = plain_confident_learning(labels.tolist(), probabilities.tolist())
    assert dict(zip(doubtful.positions.tolist(), doubtful.suggested.tolist(), strict=True)) == expected
    assert len(expected) > 20
    rows = doubtful.positions
    np.testing.assert_allclose(doubtful.probabilities, probabilities[rows, doubtful.suggested], rtol=1e-6)
    assert (np.diff(doubtful.margins[rows]) <= 0).all(), "most doubtful first"


def test_labels_that_were_exchanged_on_purpose_are_found():
    random = np.random.default_rng(0)
    true = random.integers(0, 10, 2000).astype(np.uint8)
    probabilities = np.full((2000, 10), 0.02)
    probabilities[np.arange(2000), true] = 0.82
    labels = true.copy()
    exchanged = random.choice(2000, 40, replace=False)
    labels[exchanged] = (labels[exchanged] + 1) % 10
    doubtful = find_doubtful(labels, probabilities)
    assert set(doubtful.positions) == set(exchanged)
    assert (doubtful.suggested == true[doubtful.positions]).all()

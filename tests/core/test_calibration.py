"""Calibration against scikit-learn's."""

import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.metrics import top_k_accuracy_score
from statsmodels.stats.proportion import proportion_confint

from fmnist_core.calibration import answer_only_when_sure, calibrate, top_k_accuracy
from tests.examples import scores_for


@pytest.fixture(scope="module")
def labels():
    return np.random.default_rng(1).integers(0, 10, 4000)


@pytest.fixture(scope="module")
def probabilities(labels):
    exponents = np.exp(scores_for(labels, seed=2).astype(np.float64))
    return exponents / exponents.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("n_bins", [5, 10, 15])
def test_the_diagram_is_scikit_learns(labels, probabilities, n_bins):
    right, confidences = probabilities.argmax(axis=1) == labels, probabilities.max(axis=1)
    found = calibrate(right, confidences, n_bins)
    accuracy, confidence = calibration_curve(right, confidences, n_bins=n_bins, strategy="uniform")
    np.testing.assert_allclose(found.accuracy, accuracy)
    np.testing.assert_allclose(found.confidence, confidence)
    np.testing.assert_allclose(
        found.expected_error, np.sum(found.n_pictures / len(labels) * np.abs(accuracy - confidence))
    )
    assert found.n_pictures.sum() == len(labels)
    for n_right, n, interval in zip(found.accuracy * found.n_pictures, found.n_pictures, found.intervals, strict=True):
        np.testing.assert_allclose(interval, proportion_confint(round(n_right), n, method="wilson"), atol=1e-12)


def test_the_diagram_and_top_2_of_a_real_network_are_scikit_learns(real_network, dataset):
    labels, probabilities = dataset.train.labels[real_network.validation_indices], real_network.validation_probabilities
    right, confidences = probabilities.argmax(axis=1) == labels, probabilities.max(axis=1).astype(np.float64)
    found = calibrate(right, confidences)
    accuracy, confidence = calibration_curve(right, confidences, n_bins=15, strategy="uniform")
    np.testing.assert_allclose(found.accuracy, accuracy)
    np.testing.assert_allclose(found.confidence, confidence)
    error = np.sum(found.n_pictures / len(labels) * np.abs(accuracy - confidence))
    assert found.expected_error == pytest.approx(error, rel=1e-9)
    assert top_k_accuracy(labels, probabilities) == top_k_accuracy_score(labels, probabilities, k=2)


def test_each_bin_lies_between_its_edges(labels, probabilities):
    found = calibrate(probabilities.argmax(axis=1) == labels, probabilities.max(axis=1))
    assert (found.edges[:, 0] < found.confidence).all()
    assert (found.confidence <= found.edges[:, 1]).all()


def test_an_honest_model_has_next_to_no_error_and_a_boaster_has():
    random = np.random.default_rng(0)
    confidences = random.random(100_000)
    right = random.random(100_000) < confidences
    assert calibrate(right, confidences).expected_error < 0.01
    assert calibrate(right, np.ones(100_000)).expected_error == pytest.approx(1 - right.mean())


def test_answering_only_when_sure_is_what_a_loop_finds(labels, probabilities):
    right, confidences = probabilities.argmax(axis=1) == labels, probabilities.max(axis=1)
    found = answer_only_when_sure(right, confidences, n_points=50)
    for n, accuracy, threshold in zip(found.n_answered, found.accuracy, found.threshold, strict=True):
        answered = np.sort(confidences)[::-1][:n]
        assert threshold == answered[-1]
        assert accuracy == pytest.approx(right[confidences >= threshold].mean())
    assert found.n_answered[-1] == len(labels)
    assert found.accuracy[-1] == right.mean()
    assert found.accuracy[0] >= found.accuracy[-1]


@pytest.mark.parametrize("k", [1, 2, 3])
def test_top_k_is_scikit_learns(labels, probabilities, k):
    assert top_k_accuracy(labels, probabilities, k) == pytest.approx(top_k_accuracy_score(labels, probabilities, k=k))


def test_ties_are_broken_as_argmax_breaks_them():
    ranking = np.zeros((2, 10))
    assert top_k_accuracy(np.array([0, 1]), ranking, k=1) == 0.5
    assert top_k_accuracy(np.array([1, 2]), ranking, k=2) == 0.5

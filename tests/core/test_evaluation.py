"""The report against scikit-learn and statsmodels."""

import numpy as np
import pytest
from sklearn import metrics
from statsmodels.stats.proportion import proportion_confint

from fmnist_core import evaluate
from tests.examples import scores_for


@pytest.fixture(scope="module")
def labels():
    return np.random.default_rng(1).integers(0, 10, 3000)


@pytest.fixture(scope="module")
def probabilities(labels):
    exponents = np.exp(scores_for(labels, seed=2).astype(np.float64))
    return exponents / exponents.sum(axis=1, keepdims=True)


def test_every_figure_is_scikit_learns(labels, probabilities):
    report = evaluate(labels, probabilities)
    predicted = probabilities.argmax(axis=1)
    assert report.accuracy == metrics.accuracy_score(labels, predicted)
    assert report.loss == pytest.approx(metrics.log_loss(labels, probabilities), rel=1e-12)
    np.testing.assert_array_equal(report.confusion, metrics.confusion_matrix(labels, predicted))
    np.testing.assert_allclose(report.precision, metrics.precision_score(labels, predicted, average=None))
    np.testing.assert_allclose(report.recall, metrics.recall_score(labels, predicted, average=None))
    np.testing.assert_allclose(report.f1, metrics.f1_score(labels, predicted, average=None))
    np.testing.assert_array_equal(report.support, np.bincount(labels, minlength=10))
    np.testing.assert_array_equal(report.predictions, predicted)
    np.testing.assert_array_equal(report.confidences, probabilities.max(axis=1))


@pytest.mark.parametrize("kind", ["network", "baseline", "baseline on test"])
def test_every_figure_of_real_runs_is_scikit_learns_and_statsmodels(kind, dataset, request):
    if kind == "network":
        result = request.getfixturevalue("real_network")
        labels, ranking = dataset.train.labels[result.validation_indices], result.validation_probabilities
        report = evaluate(labels, ranking)
        probabilities = ranking.astype(np.float64)
        probabilities /= probabilities.sum(axis=1, keepdims=True)
    else:
        result = request.getfixturevalue("real_baseline")
        on_test = kind == "baseline on test"
        labels = (dataset.test if on_test else dataset.train).labels
        ranking = result.test_scores if on_test else result.out_of_fold_scores
        probabilities = result.test_probabilities if on_test else result.out_of_fold_probabilities
        report = evaluate(labels, probabilities, ranking)
    said = ranking.argmax(axis=1)
    assert report.accuracy == metrics.accuracy_score(labels, said) > 0.6
    n_right = int((said == labels).sum())
    assert report.interval == pytest.approx(proportion_confint(n_right, len(labels), method="wilson"), abs=1e-12)
    assert report.loss == pytest.approx(metrics.log_loss(labels, probabilities), rel=1e-6)
    np.testing.assert_array_equal(report.confusion, metrics.confusion_matrix(labels, said))
    expected = metrics.classification_report(labels, said, output_dict=True)
    for number in range(10):
        row = expected[str(number)]
        figures = report.precision[number], report.recall[number], report.f1[number], report.support[number]
        assert figures == pytest.approx((row["precision"], row["recall"], row["f1-score"], row["support"]))
    np.testing.assert_allclose(report.confidences, probabilities[np.arange(len(labels)), said], rtol=1e-6)


def test_float32_probabilities_are_taken_without_complaint(labels, probabilities):
    report = evaluate(labels, probabilities.astype(np.float32))
    assert report.loss == pytest.approx(metrics.log_loss(labels, probabilities), rel=1e-5)


@pytest.mark.parametrize(("dtype", "most"), [(np.float32, 87.3365), (np.float64, 36.0437)])
def test_a_sure_mistake_costs_what_the_models_own_library_says(dtype, most):
    labels, sure = np.array([3, 4]), np.zeros((2, 10), dtype)
    sure[:, 4] = 1.0
    assert evaluate(labels, sure).loss == pytest.approx(most / 2, abs=1e-4)


def test_a_networks_loss_is_the_one_that_its_training_measured(real_network, dataset):
    labels = dataset.train.labels[real_network.validation_indices]
    assert evaluate(labels, real_network.validation_probabilities).loss == real_network.validation_loss


def test_scores_decide_where_probabilities_tie(labels):
    scores = scores_for(labels, seed=3)
    tied = np.full((len(labels), 10), 0.1)
    report = evaluate(labels, tied, scores)
    np.testing.assert_array_equal(report.predictions, scores.argmax(axis=1))


def test_without_probabilities_there_is_no_loss_but_a_lead(labels):
    scores = scores_for(labels, seed=3)
    report = evaluate(labels, None, scores)
    assert report.loss is None
    ordered = np.sort(scores, axis=1)
    np.testing.assert_allclose(report.confidences, ordered[:, -1] - ordered[:, -2])


def test_a_class_that_is_never_predicted_gets_zero_and_no_warning():
    labels = np.arange(10)
    report = evaluate(labels, np.tile(np.eye(10)[0], (10, 1)))
    assert report.precision[0] == 0.1
    assert report.recall[0] == 1.0
    assert not report.f1[1:].any()


def test_a_diverged_network_has_no_finite_loss():
    assert np.isnan(evaluate(np.arange(10), np.full((10, 10), np.nan)).loss)


def test_shapes_that_do_not_match_are_refused(labels, probabilities):
    with pytest.raises(ValueError, match="one row of 10 values"):
        evaluate(labels[:-1], probabilities)
    with pytest.raises(ValueError, match="one row of 10 values"):
        evaluate(labels, None)

"""The baseline against scikit-learn's own cross-validation and probabilities."""

import warnings

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import SGDClassifier, _base
from sklearn.metrics import log_loss
from sklearn.model_selection import cross_val_predict, cross_validate

from fmnist_core import BaselineSettings, FashionMNIST, RunStore, baseline, run_baseline
from fmnist_core.baseline import dummy_accuracy, run_fold, to_probabilities
from fmnist_core.dataset import DATA_DIGEST, Split
from fmnist_core.prepared.make_runs import FOLDER
from fmnist_core.progress import Stopped
from fmnist_core.runs import identify

LESSON_MEAN = 0.8194166666666666


@pytest.fixture(scope="module")
def small(dataset):
    """3,000 + 500 pictures of the real data."""
    train, test = dataset.train, dataset.test
    return FashionMNIST(
        Split(train.images[:3000], train.labels[:3000]), Split(test.images[:500], test.labels[:500]), "small"
    )


@pytest.fixture(autouse=True)
def no_convergence_is_expected():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # max_iter=5 is the lesson's own choice
        yield


def lessons_classifier(settings):
    return SGDClassifier(
        loss=settings.loss, alpha=settings.alpha, max_iter=settings.max_iter, random_state=settings.seed
    )


@pytest.mark.slow
def test_the_lessons_figure_comes_out_to_the_last_digit_and_is_the_prepared_runs(dataset):
    result = run_baseline(dataset, BaselineSettings())
    assert result.mean_accuracy == LESSON_MEAN
    assert len(result.fold_accuracies) == 5
    right = result.out_of_fold_scores.argmax(axis=1) == dataset.train.labels
    assert right.mean() == pytest.approx(LESSON_MEAN, abs=1e-12)
    assert [right[result.fold_of == fold].mean() for fold in range(5)] == pytest.approx(result.fold_accuracies)
    kept = RunStore(FOLDER, read_only=True).load(identify(BaselineSettings(), DATA_DIGEST))
    assert kept.result.fold_accuracies == result.fold_accuracies
    np.testing.assert_array_equal(kept.result.fold_of, result.fold_of)


@pytest.mark.parametrize(
    "settings",
    [
        BaselineSettings(),
        BaselineSettings(loss="hinge", folds=3, seed=7),
        BaselineSettings(loss="modified_huber", max_iter=20),
        BaselineSettings(loss="perceptron", alpha=0.001),
        BaselineSettings(scaling=False),
    ],
    ids=lambda settings: settings.loss + ("" if settings.scaling else " unscaled"),
)
def test_folds_are_those_of_scikit_learns_cross_validation(small, settings):
    pixels = small.train.images.reshape(3000, 784) / (255.0 if settings.scaling else 1.0)
    expected = cross_validate(lessons_classifier(settings), pixels, small.train.labels, cv=settings.folds)
    result = run_baseline(small, settings)
    assert result.fold_accuracies == list(expected["test_score"])
    assert result.mean_accuracy == expected["test_score"].mean()


@pytest.mark.parametrize("loss", ["log_loss", "modified_huber"])
def test_probabilities_are_scikit_learns(small, loss):
    settings = BaselineSettings(loss=loss, folds=3)
    pixels = small.train.images.reshape(3000, 784) / 255.0
    expected = cross_val_predict(lessons_classifier(settings), pixels, small.train.labels, cv=3, method="predict_proba")
    result = run_baseline(small, settings)
    # Scores are kept as float32: seven digits.
    np.testing.assert_allclose(result.out_of_fold_probabilities, expected, atol=1e-4)
    assert result.log_loss == pytest.approx(log_loss(small.train.labels, result.out_of_fold_probabilities))
    final = lessons_classifier(settings).fit(pixels, small.train.labels)
    test_pixels = small.test.images.reshape(500, 784) / 255.0
    np.testing.assert_allclose(result.test_probabilities, final.predict_proba(test_pixels), atol=1e-4)
    np.testing.assert_allclose(result.coefficients, final.coef_, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("loss", ["hinge", "perceptron"])
def test_a_loss_without_probabilities_invents_none(small, loss):
    result = run_baseline(small, BaselineSettings(loss=loss, folds=2))
    assert not result.has_probabilities
    assert result.out_of_fold_probabilities is None
    assert result.test_probabilities is None
    assert result.headline["loss"] is None


def test_probabilities_of_huge_scores_stay_finite_and_sum_to_one():
    scores = np.array([[1e6] * 10, [-1e6] * 10, [-1e6] * 9 + [1e6], [0.0] * 10])
    for loss in ("log_loss", "modified_huber"):
        probabilities = to_probabilities(scores, loss)
        assert probabilities is not None
        np.testing.assert_allclose(probabilities.sum(axis=1), 1.0)


def test_iterations_tell_whether_the_cap_was_reached(small):
    assert run_baseline(small, BaselineSettings(max_iter=2, folds=2)).fold_iterations == [2, 2]
    free = run_baseline(small, BaselineSettings(max_iter=100, folds=2, alpha=0.1))
    assert max(free.fold_iterations) < 100


def test_each_fold_is_reported_with_the_ones_before(small):
    reports = []
    result = run_baseline(small, BaselineSettings(folds=3), on_progress=reports.append)
    shares = [report.share for report in reports]
    assert shares == sorted(shares)
    assert [row["accuracy"] for row in reports[-1].rows] == result.fold_accuracies


def test_folds_computed_elsewhere_in_any_order_give_the_same_result(small):
    settings = BaselineSettings(folds=4, max_iter=2)

    def spread(on_share):
        yield from (run_fold(small, settings, number) for number in (3, 1, 4, 2))

    reports = []
    here, elsewhere = run_baseline(small, settings), run_baseline(small, settings, reports.append, spread_folds=spread)
    assert elsewhere.fold_accuracies == here.fold_accuracies
    np.testing.assert_array_equal(elsewhere.fold_of, here.fold_of)
    np.testing.assert_array_equal(elsewhere.out_of_fold_scores, here.out_of_fold_scores)
    assert [[row["fold"] for row in report.rows] for report in reports][:5] == [
        [],
        [3],
        [1, 3],
        [1, 3, 4],
        [1, 2, 3, 4],
    ]


def test_a_stop_is_honoured_within_a_fold(small):
    reports = []
    with pytest.raises(Stopped):
        run_baseline(small, BaselineSettings(), on_progress=reports.append, should_stop=lambda: len(reports) > 4)
    assert reports[-1].number == 1


def test_the_same_settings_give_the_same_figures(small):
    first, second = (run_baseline(small, BaselineSettings(folds=2, seed=3)) for _ in range(2))
    np.testing.assert_array_equal(first.out_of_fold_scores, second.out_of_fold_scores)
    np.testing.assert_array_equal(first.test_scores, second.test_scores)


def test_leaving_out_the_zeros_changes_no_bit_and_leaves_scikit_learn_as_it_was(small, monkeypatch):
    usual = _base.SPARSE_INTERCEPT_DECAY
    fast = run_baseline(small, BaselineSettings(folds=2))
    assert usual == _base.SPARSE_INTERCEPT_DECAY == 0.01
    monkeypatch.setattr(baseline, "_CAN_SKIP_ZEROS", False)
    dense = run_baseline(small, BaselineSettings(folds=2))
    np.testing.assert_array_equal(fast.coefficients, dense.coefficients)
    np.testing.assert_array_equal(fast.intercepts, dense.intercepts)
    np.testing.assert_array_equal(fast.out_of_fold_scores, dense.out_of_fold_scores)


def test_a_dummy_is_about_as_good_as_chance(dataset):
    labels, settings = dataset.train.labels, BaselineSettings()
    expected = cross_validate(DummyClassifier(strategy="stratified", random_state=42), np.zeros((60_000, 1)), labels)
    assert dummy_accuracy(labels, settings) == expected["test_score"].mean()
    assert dummy_accuracy(labels, settings) == pytest.approx(0.1, abs=0.005)

"""The baseline: a linear classifier, cross-validated fold by fold.

The figures are those of scikit-learn's ``cross_validate(SGDClassifier(...))`` to the last digit. It is
computed class by class, because that is how `SGDClassifier` works inside (one against all others, each with
a seed drawn from the first), so that progress is seen and a stop is honoured within a fold. And it is computed
without the pixels that are zero, half of all: they add nothing to any sum, so leaving them out changes no bit.
"""

from __future__ import annotations

import os
import threading
import time
import warnings
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse import csr_matrix
from scipy.special import log_expit, softmax
from sklearn.dummy import DummyClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import SGDClassifier, _base
from sklearn.model_selection import StratifiedKFold, cross_val_score

from fmnist_core.dataset import N_CLASSES
from fmnist_core.evaluation import cross_entropy
from fmnist_core.preparation import scale_and_flatten
from fmnist_core.progress import OnProgress, Progress, ShouldStop, Stopped
from fmnist_core.settings import BaselineSettings

if TYPE_CHECKING:
    from fmnist_core.dataset import FashionMNIST

LOSSES_WITH_PROBABILITIES = ("log_loss", "modified_huber")


@dataclass(frozen=True, eq=False)
class BaselineResult:
    """What a cross-validated baseline leaves behind.

    Parameters
    ----------
    fold_accuracies, fold_seconds : list of float
        One per fold.
    fold_iterations : list of int
        The most passes over the data that any of the ten classifiers of the fold used.
    loss_name : str
        ``BaselineSettings.loss``: decides whether the scores can become probabilities.
    final_seconds : float
        Time of the fit on all training pictures, for the test set.
    log_loss : float or None
        Cross-entropy of the out-of-fold probabilities; None for a loss without probabilities.
    fold_of : ndarray of shape (60000,), uint8
        The fold, from 0, in which a training picture was held out.
    out_of_fold_scores : ndarray of shape (60000, 10), float32
        Decision values of each training picture from the classifier that had not seen it.
    test_scores : ndarray of shape (10000, 10), float32
        Decision values from a fit on all training pictures.
    coefficients : ndarray of shape (10, 784), float32
        Weights of that fit.
    intercepts : ndarray of shape (10,), float32
    """

    fold_accuracies: list[float]
    fold_seconds: list[float]
    fold_iterations: list[int]
    loss_name: str
    final_seconds: float
    log_loss: float | None
    fold_of: np.ndarray
    out_of_fold_scores: np.ndarray
    test_scores: np.ndarray
    coefficients: np.ndarray
    intercepts: np.ndarray

    @property
    def mean_accuracy(self) -> float:
        """Mean of the folds' accuracies, as the lesson prints it."""
        return float(np.mean(self.fold_accuracies))

    @property
    def has_probabilities(self) -> bool:
        """Whether the scores can honestly be turned into probabilities."""
        return self.loss_name in LOSSES_WITH_PROBABILITIES

    @property
    def out_of_fold_probabilities(self) -> np.ndarray | None:
        """(60000, 10), float64, rows sum to 1; None for a loss without probabilities."""
        return to_probabilities(self.out_of_fold_scores, self.loss_name)

    @property
    def test_probabilities(self) -> np.ndarray | None:
        """(10000, 10), float64, rows sum to 1; None for a loss without probabilities."""
        return to_probabilities(self.test_scores, self.loss_name)

    @property
    def headline(self) -> dict[str, Any]:
        """The figures that a list of runs shows."""
        return {
            "accuracy": self.mean_accuracy,
            "loss": self.log_loss,
            "n_pictures": len(self.fold_of),
            "n_parameters": int(self.coefficients.size + self.intercepts.size),
        }


def to_pixels(images: np.ndarray, settings: BaselineSettings) -> np.ndarray:
    """What the classifier sees of pictures: each as one row, scaled unless the settings say no; (n, 784), float64."""
    # float64, as the lesson has it: float32 would end at 0.8188 instead of 0.8194.
    return scale_and_flatten(images) if settings.scaling else images.reshape(len(images), -1).astype(np.float64)


def score(
    images: np.ndarray, settings: BaselineSettings, coefficients: np.ndarray, intercepts: np.ndarray
) -> np.ndarray:
    """Decision values: each pixel times its weight, added up for each class; (n, 10), float64."""
    return to_pixels(images, settings) @ coefficients.T + intercepts


def to_probabilities(scores: np.ndarray, loss_name: str) -> np.ndarray | None:
    """Turn one-against-all scores into probabilities, by `SGDClassifier.predict_proba`'s own rule.

    Parameters
    ----------
    scores : ndarray of shape (n, 10)
        Decision values.
    loss_name : str
        The loss they were trained with.

    Returns
    -------
    ndarray of shape (n, 10), float64, rows sum to 1, or None for a loss without probabilities.
    """
    scores = scores.astype(np.float64)
    if loss_name == "log_loss":
        # scikit-learn divides sigmoids by their sum. In logarithms the same stays finite for huge scores.
        return softmax(log_expit(scores), axis=1)
    if loss_name == "modified_huber":
        shares = (np.clip(scores, -1.0, 1.0) + 1.0) / 2.0
        shares[shares.sum(axis=1) == 0.0] = 1.0
        return shares / shares.sum(axis=1, keepdims=True)
    return None


@dataclass(frozen=True, eq=False)
class Fold:
    """What the classifier of one fold says of the pictures that it has not seen.

    Parameters
    ----------
    number : int
        From 1.
    held_out : ndarray of shape (n,), int64
        Positions in the training pictures.
    scores : ndarray of shape (n, 10), float64
        Decision values.
    accuracy, seconds : float
    iterations : int
        The most passes over the data that any of the ten classifiers used.
    """

    number: int
    held_out: np.ndarray
    scores: np.ndarray
    accuracy: float
    seconds: float
    iterations: int


OnShare = Callable[[float], None]  # told how much of a fit is done, 0 to 1
SpreadFolds = Callable[[OnShare], Generator[Fold, None, None]]


def run_fold(
    dataset: FashionMNIST,
    settings: BaselineSettings,
    number: int,
    on_share: OnShare | None = None,
    should_stop: ShouldStop | None = None,
) -> Fold:
    """Train on all folds but one, and ask about that one. Each fold can be computed by itself, anywhere.

    Parameters
    ----------
    dataset : FashionMNIST
    settings : BaselineSettings
    number : int
        From 1 to ``settings.folds``.
    on_share : callable, optional
        Called after each class.
    should_stop : callable, optional
        Asked between classes.

    Raises
    ------
    Stopped
        When `should_stop` said so.
    """
    start = time.perf_counter()
    images, labels = dataset.train.images, dataset.train.labels
    # Without shuffling, as cross_validate cuts the folds when it is given a number.
    seen, held_out = list(StratifiedKFold(settings.folds).split(labels, labels))[number - 1]
    classifier = _fit(images[seen], labels[seen], settings, on_share, should_stop)
    scores = score(images[held_out], settings, classifier.coefficients, classifier.intercepts)
    accuracy = float(np.mean(scores.argmax(axis=1) == labels[held_out]))
    return Fold(number, held_out, scores, accuracy, time.perf_counter() - start, classifier.iterations)


def run_baseline(
    dataset: FashionMNIST,
    settings: BaselineSettings,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
    spread_folds: SpreadFolds | None = None,
) -> BaselineResult:
    """Cross-validate the baseline on all training pictures, then fit it once on all of them.

    Parameters
    ----------
    dataset : FashionMNIST
    settings : BaselineSettings
    on_progress : callable, optional
        Called with a `Progress` after each class of each fold; its rows hold ``fold``, ``accuracy``,
        ``seconds``, ``iterations``.
    should_stop : callable, optional
        Asked between classes.
    spread_folds : callable, optional
        Computes all folds elsewhere, and gives each when it is done; without it, they are computed here in turn.

    Raises
    ------
    Stopped
        When `should_stop` said so: folds that are not complete are no cross-validation.
    """
    images, labels = dataset.train.images, dataset.train.labels
    scores = np.zeros((len(labels), N_CLASSES), dtype=np.float32)
    fold_of = np.zeros(len(labels), dtype=np.uint8)
    rows: list[dict[str, float]] = []

    def report(share: float) -> None:
        if on_progress is not None:
            on_progress(Progress("fold", len(rows) + 1, settings.folds, share, tuple(rows)))

    def in_turn(on_share: OnShare) -> Generator[Fold, None, None]:
        for number in range(1, settings.folds + 1):
            yield run_fold(dataset, settings, number, on_share, should_stop)

    report(0.0)
    # Closed at once when a report fails: what computes the folds elsewhere must not wait for the garbage collector.
    with closing((spread_folds or in_turn)(report)) as folds:
        for fold in folds:
            fold_of[fold.held_out] = fold.number - 1
            scores[fold.held_out] = fold.scores
            row = {
                "fold": fold.number,
                "accuracy": fold.accuracy,
                "seconds": fold.seconds,
                "iterations": fold.iterations,
            }
            rows = sorted([*rows, row], key=lambda each: each["fold"])
            report(0.0)

    start = time.perf_counter()
    final = _fit(images, labels, settings, report, should_stop)
    probabilities = to_probabilities(scores, settings.loss)
    return BaselineResult(
        fold_accuracies=[row["accuracy"] for row in rows],
        fold_seconds=[row["seconds"] for row in rows],
        fold_iterations=[int(row["iterations"]) for row in rows],
        loss_name=settings.loss,
        final_seconds=time.perf_counter() - start,
        log_loss=None if probabilities is None else cross_entropy(labels, probabilities),
        fold_of=fold_of,
        out_of_fold_scores=scores,
        test_scores=score(dataset.test.images, settings, final.coefficients, final.intercepts).astype(np.float32),
        coefficients=final.coefficients.astype(np.float32),
        intercepts=final.intercepts.astype(np.float32),
    )


@dataclass(frozen=True, eq=False)
class _LinearClassifier:
    coefficients: np.ndarray
    intercepts: np.ndarray
    iterations: int


def _fit(
    images: np.ndarray,
    labels: np.ndarray,
    settings: BaselineSettings,
    on_share: OnShare | None,
    should_stop: ShouldStop | None,
) -> _LinearClassifier:
    pixels = _nonzero_pixels(images, settings) if _CAN_SKIP_ZEROS else to_pixels(images, settings)
    # The draw by which SGDClassifier gives each of its one-against-all classifiers a seed.
    seeds = np.random.RandomState(settings.seed).randint(np.iinfo(np.int32).max, size=N_CLASSES)

    def fit_one(label: int) -> SGDClassifier:
        if should_stop is not None and should_stop():
            raise Stopped
        return SGDClassifier(
            loss=settings.loss,
            alpha=settings.alpha,
            max_iter=settings.max_iter,
            random_state=int(seeds[label]),
        ).fit(pixels, labels == label)

    ones: dict[int, SGDClassifier] = {}
    with _full_intercept_steps():
        for label, one in _in_threads(fit_one):
            ones[label] = one
            if on_share is not None:
                on_share(len(ones) / N_CLASSES)
    ordered = [ones[label] for label in range(N_CLASSES)]
    return _LinearClassifier(
        coefficients=np.vstack([one.coef_ for one in ordered]),
        intercepts=np.concatenate([one.intercept_ for one in ordered]),
        iterations=max(one.n_iter_ for one in ordered),
    )


def _nonzero_pixels(images: np.ndarray, settings: BaselineSettings) -> csr_matrix:
    """The very numbers of `to_pixels` without its zeros, half of all: `SGDClassifier` then does half the work."""
    flat = images.reshape(len(images), -1)
    values = to_pixels(np.arange(256, dtype=np.uint8), settings)[:, 0]
    ends = np.concatenate([[0], np.cumsum(np.count_nonzero(flat, axis=1))]).astype(np.int32)
    data, places = np.empty(ends[-1]), np.empty(ends[-1], dtype=np.int32)
    columns = np.arange(flat.shape[1], dtype=np.int32)

    def fill(start: int) -> None:
        block = flat[start : start + _BLOCK]
        ink, span = block != 0, slice(ends[start], ends[min(start + _BLOCK, len(flat))])
        data[span] = values[block[ink]]
        places[span] = np.broadcast_to(columns, block.shape)[ink]

    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        list(pool.map(fill, range(0, len(flat), _BLOCK)))
    return csr_matrix((data, places, ends), shape=flat.shape)


_BLOCK = 1000  # pictures
_DECAY = "SPARSE_INTERCEPT_DECAY"
_CAN_SKIP_ZEROS = hasattr(_base, _DECAY)
_decay_lock = threading.Lock()
_decay_users: list[float] = []  # one entry for each fit under way: scikit-learn's own value


@contextmanager
def _full_intercept_steps() -> Iterator[None]:
    """Let `SGDClassifier` move intercepts as it does for dense data.

    For sparse data scikit-learn slows them down a hundredfold, by a constant of its module that no argument
    reaches. The tests hold every figure against `cross_validate` on dense data.
    """
    with _decay_lock:
        _decay_users.append(_decay_users[0] if _decay_users else getattr(_base, _DECAY, 1.0))
        setattr(_base, _DECAY, 1.0)
    try:
        yield
    finally:
        with _decay_lock:
            usual = _decay_users.pop()
            if not _decay_users:
                setattr(_base, _DECAY, usual)


def _in_threads(fit_one: Any) -> Iterator[tuple[int, SGDClassifier]]:
    """One thread a core, one class each: SGD gives the interpreter lock back while it works."""
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool, warnings.catch_warnings():
        # Said in words on the page: iterations used against the cap.
        warnings.simplefilter("ignore", ConvergenceWarning)
        futures = {pool.submit(fit_one, label): label for label in range(N_CLASSES)}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def dummy_accuracy(labels: np.ndarray, settings: BaselineSettings) -> float:
    """Cross-validated accuracy of scikit-learn's `DummyClassifier`, which draws its answers by lot.

    Parameters
    ----------
    labels : ndarray of shape (n,), uint8
    settings : BaselineSettings
        ``folds`` and ``seed`` count.
    """
    lot = DummyClassifier(strategy="stratified", random_state=settings.seed)
    return float(cross_val_score(lot, np.zeros((len(labels), 1)), labels, cv=settings.folds).mean())

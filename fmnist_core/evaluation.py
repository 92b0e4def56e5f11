"""From labels and probabilities to a report: numpy and scikit-learn, no network needed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.metrics import confusion_matrix, log_loss, precision_recall_fscore_support

from fmnist_core.dataset import N_CLASSES
from fmnist_core.intervals import wilson_interval


@dataclass(frozen=True, eq=False)
class Report:
    """How well a model did on some pictures.

    Parameters
    ----------
    n_pictures : int
    accuracy : float
        Share of right answers.
    interval : tuple of float
        The accuracy's 95 % interval (Wilson's score interval).
    loss : float or None
        Mean cross-entropy in nats; None when the model gives no probabilities.
    confusion : ndarray of shape (10, 10), int64
        Rows: true class. Columns: predicted class.
    precision, recall, f1 : ndarray of shape (10,), float64
        Per class; 0 where a class was never predicted.
    support : ndarray of shape (10,), int64
        Pictures of each class.
    predictions : ndarray of shape (n,), uint8
    confidences : ndarray of shape (n,), float64
        Probability given to the predicted class; for a model without probabilities its lead over the
        second choice.
    """

    n_pictures: int
    accuracy: float
    interval: tuple[float, float]
    loss: float | None
    confusion: np.ndarray
    precision: np.ndarray
    recall: np.ndarray
    f1: np.ndarray
    support: np.ndarray
    predictions: np.ndarray
    confidences: np.ndarray


def evaluate(labels: np.ndarray, probabilities: np.ndarray | None, scores: np.ndarray | None = None) -> Report:
    """Measure predictions against labels.

    Parameters
    ----------
    labels : ndarray of shape (n,), integers 0-9
    probabilities : ndarray of shape (n, 10), rows sum to 1, or None
    scores : ndarray of shape (n, 10), optional
        Decision values that rank the classes. They decide the prediction where given: probabilities that
        are rounded to 1 can tie. Needed when there are no probabilities.

    Raises
    ------
    ValueError
        When shapes do not match, or neither probabilities nor scores are given.
    """
    ranking = scores if scores is not None else probabilities
    if ranking is None or ranking.shape != (len(labels), N_CLASSES):
        raise ValueError(f"Expected one row of {N_CLASSES} values for each of the {len(labels)} labels.")
    predictions = ranking.argmax(axis=1).astype(np.uint8)
    classes = np.arange(N_CLASSES)
    precision, recall, f1, support = precision_recall_fscore_support(
        labels, predictions, labels=classes, zero_division=0.0
    )
    if probabilities is not None:
        confidences = probabilities[np.arange(len(labels)), predictions].astype(np.float64)
        finite = bool(np.isfinite(probabilities).all())
        loss = cross_entropy(labels, probabilities) if finite else float("nan")
    else:
        highest = np.partition(ranking, -2, axis=1)
        confidences, loss = (highest[:, -1] - highest[:, -2]).astype(np.float64), None
    n_right = int(np.count_nonzero(predictions == labels))
    return Report(
        n_pictures=len(labels),
        accuracy=n_right / len(labels),
        interval=wilson_interval(n_right, len(labels)),
        loss=loss,
        confusion=confusion_matrix(labels, predictions, labels=classes),
        precision=precision,
        recall=recall,
        f1=f1,
        support=support,
        predictions=predictions,
        confidences=confidences,
    )


def cross_entropy(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean of -log of what each picture's own class was given, in nats.

    Parameters
    ----------
    labels : ndarray of shape (n,), integers 0-9
    probabilities : ndarray of shape (n, 10), float32 or float64, rows sum to 1

    Notes
    -----
    A probability of nil would make it infinite, so it is cut off: for a network (float32) where Keras' compiled
    loss does, which is where float32 ends, at 87 a picture; for a baseline (float64) where scikit-learn's `log_loss`
    does, at 36. So each figure is the one that its own library gives.
    """
    if probabilities.dtype == np.float32:
        right = probabilities[np.arange(len(labels)), labels]
        return float(-np.log(np.maximum(right, np.finfo(np.float32).tiny)).mean(dtype=np.float64))
    return float(log_loss(labels, probabilities, labels=np.arange(N_CLASSES)))

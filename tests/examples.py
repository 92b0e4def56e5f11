"""Finished runs of the right form for tests of pages: plausible figures, made by lot in no time."""

import numpy as np

from fmnist_core import BaselineResult, BaselineSettings, NetworkResult, NetworkSettings, Run
from fmnist_core.architecture import count_parameters
from fmnist_core.dataset import DATA_DIGEST, FashionMNIST
from fmnist_core.preparation import hold_out


def scores_for(labels: np.ndarray, seed: int, lead: float = 2.2) -> np.ndarray:
    """Decision values that mostly favour the right class; (n, 10), float32."""
    scores = np.random.default_rng(seed).normal(size=(len(labels), 10))
    scores[np.arange(len(labels)), labels] += lead
    return scores.astype(np.float32)


def baseline_run(dataset: FashionMNIST, settings: BaselineSettings | None = None) -> Run:
    """A cross-validated baseline that nobody computed."""
    settings = settings or BaselineSettings()
    scores = scores_for(dataset.train.labels, settings.seed)
    fold_of = (np.arange(60_000) % settings.folds).astype(np.uint8)
    right = scores.argmax(axis=1) == dataset.train.labels
    result = BaselineResult(
        fold_accuracies=[float(right[fold_of == fold].mean()) for fold in range(settings.folds)],
        fold_seconds=[2.5] * settings.folds,
        fold_iterations=[settings.max_iter] * settings.folds,
        loss_name=settings.loss,
        final_seconds=3.0,
        log_loss=0.9 if settings.loss == "log_loss" else None,
        fold_of=fold_of,
        out_of_fold_scores=scores,
        test_scores=scores_for(dataset.test.labels, settings.seed + 1),
        coefficients=np.zeros((10, 784), dtype=np.float32),
        intercepts=np.zeros(10, dtype=np.float32),
    )
    return Run.of(settings, DATA_DIGEST, result, seconds=15.5)


def network_run(
    dataset: FashionMNIST, settings: NetworkSettings | None = None, stopped_after: int | None = None
) -> Run:
    """A training that nobody ran."""
    settings = settings or NetworkSettings()
    indices = hold_out(dataset.train.labels, settings).validation_indices
    labels = dataset.train.labels[indices]
    logits = np.exp(scores_for(labels, settings.seed, lead=3.0))
    probabilities = (logits / logits.sum(axis=1, keepdims=True)).astype(np.float32)
    accuracy = float((probabilities.argmax(axis=1) == labels).mean())
    epochs = settings.epochs
    history = {
        "loss": list(np.linspace(0.6, 0.3, epochs)),
        "accuracy": list(np.linspace(0.78, 0.9, epochs)),
        "val_loss": list(np.linspace(0.55, 0.45, epochs)),
        "val_accuracy": list(np.linspace(0.8, accuracy, epochs)),
    }
    result = NetworkResult(
        history={name: [float(value) for value in values] for name, values in history.items()},
        epoch_seconds=[0.3] * epochs,
        n_parameters=count_parameters(settings),
        validation_loss=0.45,
        validation_accuracy=accuracy,
        untrained_loss=2.5,
        untrained_accuracy=0.1,
        kept_epoch=epochs,
        stopped_after_batches=stopped_after,
        validation_indices=indices,
        validation_probabilities=probabilities,
        test_probabilities=np.full((10_000, 10), 0.1, dtype=np.float32),
        validation_predictions_by_epoch=np.tile(probabilities.argmax(axis=1).astype(np.uint8), (epochs + 1, 1)),
        first_layer_by_epoch=np.zeros((epochs + 1, 784, 10), dtype=np.float16),
        weights=np.zeros(count_parameters(settings), dtype=np.float32),
        model=b"a model file",
    )
    return Run.of(settings, DATA_DIGEST, result, seconds=2.5)

"""How much work an experiment is, in seconds of the two cores it was measured on: known before it begins."""

from __future__ import annotations

from fmnist_core.architecture import count_parameters, training_cost
from fmnist_core.dataset import N_CLASSES, N_PIXELS, N_TRAIN
from fmnist_core.settings import BaselineSettings, Settings

_START = 1.5  # compiling, measuring, keeping the result
_MULTIPLY_ADDS = 4e10  # a second, in dense and in convolutional layers
_UPDATES = 3e8  # weights a second that an optimiser moves, once a batch
_PIXEL_PASSES = 1.2e9  # weights a second that `SGDClassifier` moves, once a picture

MOST_PARAMETERS = 5_000_000  # of a network: its weights and its model file are then 40 MB of the run's file


def expected_seconds(settings: Settings) -> float:
    """About how long a run takes alone on two cores.

    For a network: multiply-adds of a picture x pictures x epochs, and parameters x batches. For a baseline:
    weights x pictures x passes x folds; one that converges early takes less.
    """
    if isinstance(settings, BaselineSettings):
        return _START + N_PIXELS * N_CLASSES * N_TRAIN * settings.max_iter * settings.folds / _PIXEL_PASSES
    batches = N_TRAIN * (1 - settings.validation_share) / settings.batch_size * settings.epochs
    return _START + training_cost(settings) / _MULTIPLY_ADDS + count_parameters(settings) * batches / _UPDATES


def refusal(settings: Settings, most_seconds: float) -> str | None:
    """Why these settings are too much for a server that grants so many seconds, or None when they are not.

    A network of more than `MOST_PARAMETERS` is too much for any: its run would be too large to keep.
    """
    if not isinstance(settings, BaselineSettings):
        n_parameters = count_parameters(settings)
        if n_parameters > MOST_PARAMETERS:
            return (
                f"This network would have {n_parameters / 1e6:.1f} million parameters, and at most "
                f"{MOST_PARAMETERS / 1e6:g} million are accepted. Choose fewer units in the first hidden layer, "
                "fewer filters in the last convolution block, or one block more."
            )
    seconds = expected_seconds(settings)
    if seconds <= most_seconds:
        return None
    less = "fewer passes or folds" if settings.kind == "baseline" else "fewer epochs, smaller layers or larger batches"
    return (
        f"This would take about {in_words(seconds)}, and this server gives {in_words(most_seconds)} to each run. "
        f"Choose {less}, or start the dashboard on a machine of your own."
    )


def in_words(seconds: float) -> str:
    """A duration as a sentence says it."""
    if seconds < 90:
        n = max(round(seconds), 1)
        return f"{n} second{'s' if n > 1 else ''}"
    return f"{round(seconds / 60)} minutes"

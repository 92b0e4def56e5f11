"""What a run's file may hold: type and range of each figure, dtype and shape of each array, declared once.

Checksums tell that a file is as it was written, not who wrote it. What passes here can be listed and drawn by every
page without a surprise.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from fmnist_core.architecture import count_parameters
from fmnist_core.dataset import N_CLASSES, N_PIXELS, N_TEST, N_TRAIN
from fmnist_core.settings import BaselineSettings, NetworkSettings

if TYPE_CHECKING:
    from fmnist_core.runs import AnyRun, RunRecord

_HISTORY = {"loss", "accuracy", "val_loss", "val_accuracy"}
_HEADLINE = {"accuracy", "loss", "n_pictures", "n_parameters"}
_LONGEST_TEXT = 200
_MOST_SECONDS = 10**9
_MOST = 10**12  # more than any count


@dataclass(frozen=True)
class _Array:
    """What an array must be; a length of None is any. Only what a network computes may be no number: it can diverge."""

    dtype: str
    shape: tuple[int | None, ...]
    low: float = -math.inf
    high: float = math.inf
    finite: bool = True

    def fits(self, array: Any) -> bool:
        if not isinstance(array, np.ndarray) or array.dtype != np.dtype(self.dtype) or array.ndim != len(self.shape):
            return False
        lengths = zip(array.shape, self.shape, strict=True)
        if array.size == 0 or any(expected not in {None, length} for length, expected in lengths):
            return False
        if self.finite and not np.isfinite(array).all():
            return False
        return not ((array < self.low) | (array > self.high)).any()


def _baseline_arrays(settings: BaselineSettings) -> dict[str, _Array]:
    return {
        "fold_of": _Array("uint8", (N_TRAIN,), 0, settings.folds - 1),
        "out_of_fold_scores": _Array("float32", (N_TRAIN, N_CLASSES)),
        "test_scores": _Array("float32", (N_TEST, N_CLASSES)),
        "coefficients": _Array("float32", (N_CLASSES, N_PIXELS)),
        "intercepts": _Array("float32", (N_CLASSES,)),
    }


def _network_arrays(settings: NetworkSettings, n_epochs: int, n_validation: int) -> dict[str, _Array]:
    first = (3, 3, 1) if settings.convolution_filters else (N_PIXELS,)
    return {
        "validation_indices": _Array("int32", (n_validation,), 0, N_TRAIN - 1),
        "validation_probabilities": _Array("float32", (n_validation, N_CLASSES), 0, 1, finite=False),
        "test_probabilities": _Array("float32", (N_TEST, N_CLASSES), 0, 1, finite=False),
        "validation_predictions_by_epoch": _Array("uint8", (n_epochs + 1, n_validation), 0, N_CLASSES - 1),
        "first_layer_by_epoch": _Array("float16", (n_epochs + 1, *first, None), finite=False),
        "weights": _Array("float32", (count_parameters(settings),), finite=False),
    }


def check_record(record: RunRecord) -> None:
    """Check all that a list of runs shows.

    Raises
    ------
    ValueError
        It names what a run does not hold in this form.
    """
    headline, versions = record.headline, record.versions
    _require(
        headline=_is_headline(headline),
        created=_is_time(record.created),
        seconds=_is_number(record.seconds, 0, _MOST_SECONDS),
        stopped_after=record.stopped_after is None or _is_whole(record.stopped_after, 1, _MOST),
        data_digest=_is_text(record.data_digest),
        engine_version=_is_text(record.engine_version),
        versions=type(versions) is dict and all(_is_text(each) for item in versions.items() for each in item),
        machine=_is_text(record.machine),
    )


def check_result(run: AnyRun) -> None:
    """Check the figures and arrays of a run whose record is right already.

    Raises
    ------
    ValueError
        It names what a run does not hold in this form.
    """
    settings = run.settings
    result: Any = run.result  # not known yet to be what its class says
    if isinstance(settings, BaselineSettings):
        _check_baseline(result, settings)
        arrays = _baseline_arrays(settings)
    else:
        _check_network(result, settings, run.record.stopped_after)
        arrays = _network_arrays(settings, len(result.history["loss"]), len(result.validation_indices))
    _require(**{name: expected.fits(getattr(result, name)) for name, expected in arrays.items()})
    _require(headline=_agree(run.record.headline, result.headline))


def _check_baseline(result: Any, settings: BaselineSettings) -> None:
    folds = settings.folds
    _require(
        fold_accuracies=_are_numbers(result.fold_accuracies, folds, 1),
        fold_seconds=_are_numbers(result.fold_seconds, folds, _MOST_SECONDS),
        fold_iterations=_are_numbers(result.fold_iterations, folds, settings.max_iter),
        loss_name=result.loss_name == settings.loss,
        final_seconds=_is_number(result.final_seconds, 0, _MOST_SECONDS),
        log_loss=result.log_loss is None or _is_loss(result.log_loss),
    )


def _check_network(result: Any, settings: NetworkSettings, stopped_after: int | None) -> None:
    _require(history=type(result.history) is dict and result.history.keys() == _HISTORY)
    _require(loss=type(result.history["loss"]) is list)
    history, n_epochs, n_parameters = result.history, len(result.history["loss"]), count_parameters(settings)
    _require(
        loss=_are_losses(history["loss"], n_epochs),
        val_loss=_are_losses(history["val_loss"], n_epochs),
        accuracy=_are_numbers(history["accuracy"], n_epochs, 1),
        val_accuracy=_are_numbers(history["val_accuracy"], n_epochs, 1),
        epochs=1 <= n_epochs <= settings.epochs,
        epoch_seconds=_are_numbers(result.epoch_seconds, n_epochs, _MOST_SECONDS),
        n_parameters=_is_whole(result.n_parameters, n_parameters, n_parameters),
        validation_loss=_is_loss(result.validation_loss),
        validation_accuracy=_is_number(result.validation_accuracy, 0, 1),
        untrained_loss=_is_loss(result.untrained_loss),
        untrained_accuracy=_is_number(result.untrained_accuracy, 0, 1),
        kept_epoch=_is_whole(result.kept_epoch, 1, n_epochs),
        stopped_after_batches=result.stopped_after_batches == stopped_after,
        validation_indices=isinstance(result.validation_indices, np.ndarray) and result.validation_indices.ndim == 1,
        model=type(result.model) is bytes,
    )


def _require(**facts: bool) -> None:
    wrong = [name for name, right in facts.items() if not right]
    if wrong:
        raise ValueError(f"not as a run has them: {', '.join(wrong)}")


def _is_headline(headline: Any) -> bool:
    return (
        type(headline) is dict
        and headline.keys() == _HEADLINE
        and _is_number(headline["accuracy"], 0, 1)
        and (headline["loss"] is None or _is_loss(headline["loss"]))
        and _is_whole(headline["n_pictures"], 1, N_TRAIN)
        and _is_whole(headline["n_parameters"], 1, _MOST)
    )


def _agree(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two headlines are the same; a mean's last digit may be another machine's."""
    return (one["loss"] is None) == (other["loss"] is None) and all(
        one[name] is None or np.isclose(one[name], other[name], rtol=1e-9, equal_nan=True) for name in _HEADLINE
    )


def _is_time(value: Any) -> bool:
    """Whether it is UTC and written as `Run.of` writes it, so that sorting the texts sorts the times."""
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return False
    return moment.tzinfo == UTC and moment.isoformat(timespec="seconds") == value


def _is_text(value: Any) -> bool:
    return type(value) is str and len(value) <= _LONGEST_TEXT


def _is_whole(value: Any, low: int, high: int) -> bool:
    return type(value) is int and low <= value <= high


def _is_number(value: Any, low: float, high: float) -> bool:
    return type(value) in {int, float} and low <= value <= high


def _are_numbers(values: Any, n: int, high: float) -> bool:
    return type(values) is list and len(values) == n and all(_is_number(value, 0, high) for value in values)


def _is_loss(value: Any) -> bool:
    """Whether it is a loss: that of a network that diverged is no number, or infinite."""
    return type(value) is float and not value < 0


def _are_losses(values: Any, n: int) -> bool:
    return type(values) is list and len(values) == n and all(_is_loss(value) for value in values)

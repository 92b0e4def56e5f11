"""Learning curves: first the figures as a table, then the picture of the table, and what it says in words."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from fmnist_core import NetworkResult, NetworkSettings
from pages.parts import theme

_WORSE = 0.01  # validation loss above its best by so much is a rise, not noise
_BETTER = 0.002
_GAP = 0.06
MOST_EPOCHS = NetworkSettings.domain("epochs").high


def learning_table(result: NetworkResult) -> pd.DataFrame:
    """One row an epoch: loss and accuracy on training and validation pictures. Epoch 0 is before training."""
    table = pd.DataFrame(result.history)
    table.insert(0, "epoch", range(1, len(table) + 1))
    untrained = {"epoch": [0], "val_loss": [result.untrained_loss], "val_accuracy": [result.untrained_accuracy]}
    return pd.concat([pd.DataFrame(untrained), table], ignore_index=True)[["epoch", *result.history]]


def read(table: pd.DataFrame, settings: NetworkSettings, under_way: bool = False) -> str:
    """What the curves say, for a beginner; empty while there is too little to say.

    Parameters
    ----------
    table : DataFrame
        From `learning_table`, or the rows of a training under way.
    settings : NetworkSettings
    under_way : bool
        Whether more epochs are to come.
    """
    trained = table[table["epoch"] > 0] if "loss" in table else table[:0]
    if len(trained) and not np.isfinite(trained["loss"]).all():
        return "The loss is no longer a number: the steps were too large. Try a smaller **learning rate**."
    if len(trained) < 2:
        return ""
    if settings.split == "sorted":
        return (
            "Most of these validation pictures are of classes of which the network was shown few pictures or none: it "
            "**cannot** get them right. Nothing is wrong with the network; the split is the mistake."
        )
    return _read_losses(trained["loss"].to_numpy(), trained["val_loss"].to_numpy(), settings, under_way)


def _read_losses(training: np.ndarray, validation: np.ndarray, settings: NetworkSettings, under_way: bool) -> str:
    best = int(validation.argmin())
    gap = validation[-1] - training[-1]
    if _is_past_best(validation) and training[-1] < training[best] and gap > _GAP:
        return (
            f"The curves drift apart: training loss still falls ({training[-1]:.3f}), but validation loss was best "
            f"after epoch {best + 1} ({validation[best]:.3f}) and is worse now ({validation[-1]:.3f}). That is "
            f"**overfitting**: learning the training pictures by heart. {_against_overfitting(settings)}"
        )
    if gap > max(_GAP, validation[0] - training[0] + _GAP):
        return (
            f"A gap has opened: loss {training[-1]:.3f} on the pictures it learns from, {validation[-1]:.3f} on the "
            f"held-out ones. It begins to learn its training pictures by heart. {_against_overfitting(settings)}"
        )
    if validation[-1] < validation[-2] - _BETTER and training[-1] < training[-2] - _BETTER:
        if under_way:
            return "Both losses are falling: it is learning what also holds for pictures that it has not seen."
        longer = " **Train longer**, with more epochs." if settings.epochs < MOST_EPOCHS else ""
        return f"Both losses were still falling at the end: it could learn more.{longer}"
    return "" if under_way else _read_end(validation, settings)


def _is_past_best(validation: np.ndarray) -> bool:
    best = int(validation.argmin())
    return bool(validation[-1] > validation[best] + _WORSE) and len(validation) - 1 - best >= 2


def _read_end(validation: np.ndarray, settings: NetworkSettings) -> str:
    """What to say of a training that ended neither falling nor learning by heart."""
    best = int(validation.argmin())
    if _is_past_best(validation) and not settings.patience:
        return (
            f"Validation loss has not become better since epoch {best + 1} ({validation[best]:.3f}; now "
            f"{validation[-1]:.3f}). Fewer **epochs**, or **early stopping**, would have kept that."
        )
    next_step = _next_step(settings)
    advice = f" Try {next_step}." if next_step else ""
    return f"Validation loss has levelled off: this network has learned about what it can.{advice}"


def _against_overfitting(settings: NetworkSettings) -> str:
    """What is still to be tried against overfitting."""
    helps = ["fewer **epochs**"]
    if not settings.patience:
        helps.append("**early stopping**")
    if settings.hidden_units and not settings.dropout:
        helps.append("**dropout**")
    if settings.convolution_filters and not settings.flips:
        helps.append("**flipped** pictures")
    return f"What can help: {', '.join(helps)}."


def _next_step(settings: NetworkSettings) -> str:
    """What is still to be tried when a network has learned what it can; empty when there is nothing."""
    if not settings.convolution_filters:
        return "**convolution blocks**" if settings.hidden_units else "**hidden layers**"
    steps = []
    if len(settings.convolution_filters) < settings.domain("convolution_filters").most:
        steps.append("another **convolution block**")
    if settings.schedule == "constant":
        steps.append("a **learning-rate schedule**")
    return " or ".join(steps)


def learning_chart(table: pd.DataFrame, measure: str, epochs: int) -> go.Figure:
    """Training against validation, a point an epoch.

    Parameters
    ----------
    table : DataFrame
        From `learning_table`; epoch 0, where present, is validation before training.
    measure : str
        "loss" or "accuracy".
    epochs : int
        Epochs in all, so that the axis does not move while the curve grows.
    """
    untrained, trained = table[table["epoch"] == 0], table[table["epoch"] > 0]
    axis = "epoch"
    if len(untrained):
        value = float(untrained[f"val_{measure}"].iloc[0])
        axis += (
            f" (before the first: {value:.3f}, untrained)"
            if measure == "accuracy"
            else f" (before the first: {value:.2f})"
        )
    # Once there is an epoch, chance is told in words only: as a point it would squash all that follows.
    shown = trained if len(trained) else table
    first = 1 if len(trained) else 0
    figure = theme.chart(
        f"{measure.capitalize()}, epoch by epoch",
        xaxis={"title": {"text": axis}, "range": [first - 0.2, epochs + 0.2], "dtick": 1 if epochs <= 12 else 5},
        yaxis={"title": {"text": "loss (cross-entropy)"}}
        if measure == "loss"
        else {"tickformat": ".3f" if len(trained) else ".1f"},
    )
    for column, name, colour in (
        (measure, "training", theme.TRAINING),
        (f"val_{measure}", "validation", theme.VALIDATION),
    ):
        if column in shown:
            figure.add_scatter(
                x=shown["epoch"],
                y=shown[column],
                name=name,
                mode="lines+markers",
                line={"color": colour},
                hovertemplate="%{y:.4f}",
                showlegend=True,
            )
    if len(shown) == 1:  # around a single point any range would do, and none would mean anything
        figure.update_yaxes(rangemode="tozero", range=[0, 1] if measure == "accuracy" else None)
    return figure

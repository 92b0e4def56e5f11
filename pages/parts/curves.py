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
            "These validation pictures are of classes that the network was never shown: it **cannot** get them right. "
            "Nothing is wrong with the network; the split is the mistake."
        )
    return _read_losses(trained["loss"].to_numpy(), trained["val_loss"].to_numpy(), settings, under_way)


def _read_losses(training: np.ndarray, validation: np.ndarray, settings: NetworkSettings, under_way: bool) -> str:
    best = int(validation.argmin())
    if validation[-1] > validation[best] + _WORSE and training[-1] < training[best] and len(training) - 1 - best >= 2:
        return (
            f"The curves drift apart: training loss still falls ({training[-1]:.3f}), but validation loss was best "
            f"after epoch {best + 1} ({validation[best]:.3f}) and is worse now ({validation[-1]:.3f}). That is "
            "**overfitting**: learning one's own pictures by heart. Fewer epochs, **early stopping**, **dropout** help."
        )
    if validation[-1] - training[-1] > max(_GAP, validation[0] - training[0] + _GAP):
        return (
            f"A gap has opened: loss {training[-1]:.3f} on the pictures it learns from, {validation[-1]:.3f} on the "
            "held-out ones. It begins to learn its own pictures by heart; **dropout** narrows the gap."
        )
    if validation[-1] < validation[-2] - _BETTER and training[-1] < training[-2] - _BETTER:
        if under_way:
            return "Both losses are falling: it is learning what also holds for pictures that it has not seen."
        return "Both losses were still falling at the end: it could learn more. **Train longer**, with more epochs."
    if under_way:
        return ""
    return f"Validation loss has levelled off: this network has learned about what it can. Try {_next_step(settings)}."


def _next_step(settings: NetworkSettings) -> str:
    if settings.convolution_filters:
        return "**another convolution block**, or a **learning-rate schedule**"
    return "**convolution blocks**" if settings.hidden_units else "**hidden layers**"


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
            f" (before the first: {value:.1%}, chance)"
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
        else {"tickformat": ".1%" if len(trained) else ".0%"},
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
    return figure

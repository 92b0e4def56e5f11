"""Learning curves and fold results: first the figures as a table, then the picture of the table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from fmnist_core import NetworkResult
from pages.parts import theme

LESSON_BASELINE = 0.8194166666666666  # what the lesson prints for five folds and max_iter=5


def learning_table(result: NetworkResult) -> pd.DataFrame:
    """One row an epoch: loss and accuracy on training and validation pictures. Epoch 0 is before training."""
    table = pd.DataFrame(result.history)
    table.insert(0, "epoch", range(1, len(table) + 1))
    untrained = {"epoch": [0], "val_loss": [result.untrained_loss], "val_accuracy": [result.untrained_accuracy]}
    return pd.concat([pd.DataFrame(untrained), table], ignore_index=True)[["epoch", *result.history]]


def read(table: pd.DataFrame) -> str:
    """What the curves say, in one sentence for a beginner; empty while there is too little to say.

    Parameters
    ----------
    table : DataFrame
        From `learning_table`, or the rows of a training under way.
    """
    trained = table[table["epoch"] > 0] if "loss" in table else table[:0]
    if len(trained) < 2:
        return ""
    training, validation = trained["loss"].to_numpy(), trained["val_loss"].to_numpy()
    if not np.isfinite(training).all():
        return "The loss is no longer a number: the steps were too large. Try a smaller **learning rate**."
    best = int(validation.argmin())
    if validation[-1] > validation[best] + 0.02 and training[-1] < training[best] and len(trained) - 1 - best >= 2:
        return (
            f"The curves drift apart: training still gets better, validation has been worse since epoch "
            f"{int(trained['epoch'].iloc[best])}. That is **overfitting**: try fewer epochs or early stopping."
        )
    if validation[-1] < validation[-2] - 0.002 and training[-1] < training[-2] - 0.002:
        return "Both losses are still falling: **more epochs** would help."
    return "Validation loss has levelled off: this network has learned about what it can. Try **hidden layers**."


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
    figure = theme.chart(f"{measure.capitalize()}, epoch by epoch")
    untrained, table = table[table["epoch"] == 0], table[table["epoch"] > 0]
    if len(untrained):  # in words: as a point it would squash all that follows
        value = float(untrained[f"val_{measure}"].iloc[0])
        shown = f"{value:.1%}" if measure == "accuracy" else f"{value:.2f}"
        figure.add_annotation(
            text=f"validation before training: {shown}",
            xref="paper",
            yref="paper",
            x=1,
            y=0.5,
            xanchor="right",
            showarrow=False,
        )
    for column, name, colour in (
        (measure, "training", theme.TRAINING),
        (f"val_{measure}", "validation", theme.VALIDATION),
    ):
        if column in table:
            figure.add_scatter(
                x=table["epoch"], y=table[column], name=name, mode="lines+markers", line={"color": colour}
            )
    figure.update_xaxes(title="epoch", range=[0.8, epochs + 0.2], dtick=1 if epochs <= 12 else 5)
    figure.update_yaxes(
        title="loss (nats)" if measure == "loss" else None,
        tickformat=".0%" if measure == "accuracy" else None,
    )
    return figure


def fold_table(accuracies: Sequence[float], seconds: Sequence[float], iterations: Sequence[int]) -> pd.DataFrame:
    """One row a fold."""
    return pd.DataFrame(
        {
            "fold": range(1, len(accuracies) + 1),
            "accuracy": list(accuracies),
            "seconds": list(seconds),
            "iterations": list(iterations),
        }
    )


def fold_chart(table: pd.DataFrame, folds: int) -> go.Figure:
    """A dot a fold, their mean, and the lesson's figure."""
    figure = theme.chart("Accuracy on each held-out fold", height=300)
    figure.add_scatter(
        x=table["fold"],
        y=table["accuracy"],
        mode="markers",
        name="fold",
        marker={"size": 12, "color": theme.VALIDATION},
    )
    figure.add_hline(
        y=LESSON_BASELINE,
        line={"dash": "dot", "color": theme.LESSON},
        annotation_text=f"the lesson: {LESSON_BASELINE:.4f}",
        annotation_position="bottom right",
    )
    if len(table):
        mean = float(table["accuracy"].mean())
        figure.add_hline(
            y=mean,
            line={"color": theme.VALIDATION},
            annotation_text=f"mean so far: {mean:.4f}" if len(table) < folds else f"mean: {mean:.4f}",
            annotation_position="top left",
        )
    figure.update_xaxes(title="fold", range=[0.5, folds + 0.5], dtick=1)
    figure.update_yaxes(tickformat=".1%")
    return figure

"""The folds of a cross-validation, one by one, beside a dummy and the lesson's figure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from fmnist_core import BaselineSettings, RunRecord
from fmnist_core.baseline import dummy_accuracy
from fmnist_core.dataset import N_TRAIN
from fmnist_core.runs import BaselineRun
from pages.parts import engine, theme

LESSON_MEAN = 0.8194166666666666  # what the lesson prints for five folds and max_iter=5


def to_table(accuracies: Sequence[float], seconds: Sequence[float], iterations: Sequence[int]) -> pd.DataFrame:
    """One row a fold; passes are the most that any of its ten classifiers made over the data."""
    return pd.DataFrame(
        {
            "fold": range(1, len(accuracies) + 1),
            "accuracy": list(accuracies),
            "seconds": list(seconds),
            "passes used": list(iterations),
        }
    )


@st.cache_data(max_entries=64, show_spinner=False)
def dummy(folds: int, seed: int) -> float:
    """Accuracy of a classifier that answers at random, on the same folds."""
    return dummy_accuracy(engine.dataset().train.labels, BaselineSettings(folds=folds, seed=seed))


def chart(table: pd.DataFrame, folds: int, dummy_mean: float) -> go.Figure:
    """A dot a fold, their mean and spread, and what to compare them with.

    Parameters
    ----------
    table : DataFrame
        From `to_table`; may hold fewer rows than there will be.
    folds : int
        How many there will be.
    dummy_mean : float
        From `dummy`.

    Notes
    -----
    The axis is broken: guessing is drawn on a strip of its own, or it would press all folds into one line.
    """
    figure = theme.chart("Accuracy of each held-out fold", height=380)
    figure.add_scatter(
        x=table["fold"],
        y=table["accuracy"],
        mode="markers",
        name="fold",
        marker={"size": 12, "color": theme.VALIDATION},
        customdata=table[["seconds", "passes used"]],
        hovertemplate="fold %{x}: %{y:.4f}<br>%{customdata[0]:.1f} s, %{customdata[1]} passes<extra></extra>",
        showlegend=False,
    )
    span = [0.5, folds + 0.5]
    _add_line(figure, span, LESSON_MEAN, f"the lesson: {LESSON_MEAN:.4f}", theme.LESSON, "dot", at_left=True)
    shown = [LESSON_MEAN, *table["accuracy"]]
    if len(table):
        mean = float(table["accuracy"].mean())
        words = f"mean so far: {mean:.4f}" if len(table) < folds else f"mean: {mean:.4f}"
        _add_line(figure, span, mean, words, theme.VALIDATION, "solid")
    if len(table) > 1:
        spread = float(table["accuracy"].std())
        figure.add_hrect(y0=mean - spread, y1=mean + spread, fillcolor=theme.VALIDATION, opacity=0.08, line_width=0)
        shown += [mean - spread, mean + spread]
    _add_line(figure, span, dummy_mean, f"guessing, measured: {dummy_mean:.3f}", theme.TRAINING, "dash", axis="y2")
    margin = 0.25 * max(max(shown) - min(shown), 0.01)
    figure.update_layout(
        hovermode="closest",
        yaxis={"domain": [0.3, 1], "range": [min(shown) - margin, max(shown) + margin], "tickformat": ".3f"},
        yaxis2={"domain": [0, 0.2], "range": [0.0, 0.2], "tickformat": ".1f", "nticks": 3, "anchor": "x"},
    )
    figure.update_xaxes(
        title=f"fold, {N_TRAIN // folds:,} pictures each", range=span, dtick=1, anchor="y2", showgrid=False
    )
    return figure


def _add_line(
    figure: go.Figure,
    span: list[float],
    height: float,
    words: str,
    colour: str,
    dash: str,
    axis: str = "y",
    at_left: bool = False,
) -> None:
    line = {"color": colour, "dash": dash, "width": 1.5}
    figure.add_scatter(
        x=span, y=[height, height], yaxis=axis, mode="lines", line=line, hoverinfo="skip", showlegend=False
    )
    figure.add_annotation(
        x=span[0] if at_left else span[1],
        y=height,
        xref="x",
        yref=axis,
        text=words,
        showarrow=False,
        xanchor="left" if at_left else "right",
        yanchor="bottom",
    )


def convergence(iterations: Sequence[int], max_iter: int) -> str:
    """What scikit-learn's convergence warning means here, in plain words.

    Parameters
    ----------
    iterations : sequence of int
        Passes that each fold used.
    max_iter : int
        The cap.
    """
    capped = sum(used >= max_iter for used in iterations)
    if capped == 0:
        return (
            f"Every fold **stopped by itself** after {_span(iterations)} passes, before the cap of {max_iter}: more "
            "passes would change nothing."
        )
    passes = "pass" if max_iter == 1 else "passes"
    who = "Every fold" if capped == len(iterations) else f"{capped} of {len(iterations)} folds"
    return (
        f"{who} **used up the cap** of {max_iter} {passes} while still improving. scikit-learn warns then that it has "
        "not converged; for the lesson that is fine, and a higher **max_iter** may gain a little."
    )


def without_scaling(run: BaselineRun, records: Sequence[RunRecord]) -> str:
    """What scaling would have gained: the same settings with it, if anybody has run them."""
    why = (
        "The pixels were **not scaled**: they reach 255 instead of 1. The learner's steps are made for numbers around "
        "1, so here each step overshoots, and the weights jump about instead of settling."
    )
    twin = replace(run.settings, scaling=True)
    scaled = next((each for each in records if each.settings == twin), None)
    if scaled is None:
        return f"{why} Switch scaling on and run it again, to see what it gains."
    accuracy = scaled.headline["accuracy"]
    return f"{why} The same settings with scaling reach {accuracy:.4f} instead of {run.result.mean_accuracy:.4f}."


def _span(iterations: Sequence[int]) -> str:
    low, high = min(iterations), max(iterations)
    return f"{low}" if low == high else f"{low} to {high}"

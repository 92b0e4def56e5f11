"""Where an accuracy stands between chance and the best published."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from pages.parts import theme

_PAPER = "arXiv 1708.07747, table 3"
_LIST = "list in the data set's README"
_SOURCES = {"ten classes of equal size": "", _PAPER: "¹", _LIST: "²"}
SOURCES = (
    "To the right, each equal step halves the errors. "
    "Published figures, on the test set: ¹ [arXiv 1708.07747](https://arxiv.org/abs/1708.07747), table 3 · "
    "² [list in the data set's README](https://github.com/zalandoresearch/fashion-mnist#benchmark)"
)
_TICKS = (0.1, 0.7, 0.9, 0.98)  # few enough for a phone


@dataclass(frozen=True)
class Published:
    """A published accuracy on the test set."""

    name: str
    accuracy: float
    source: str


PUBLISHED = (
    Published("chance", 0.10, "ten classes of equal size"),
    Published("linear (SGDClassifier)", 0.819, _PAPER),
    Published("human, no fashion training", 0.835, _LIST),
    Published("logistic regression", 0.842, _PAPER),
    Published("one hidden layer of 100", 0.871, _PAPER),
    Published("RBF SVM", 0.897, _PAPER),
    Published("two-layer CNN", 0.916, _LIST),
    Published("ResNet-18", 0.949, _LIST),
    Published("Wide ResNet, best listed", 0.967, _LIST),
)
TOO_GOOD = max(published.accuracy for published in PUBLISHED)


@dataclass(frozen=True)
class Mark:
    """One of the visitor's own figures on the ruler."""

    name: str
    accuracy: float
    interval: tuple[float, float]
    measured_on: str


def to_table(marks: Sequence[Mark]) -> pd.DataFrame:
    """Published figures and the run's own, worst first."""
    rows = [{"name": each.name, "accuracy": each.accuracy, "source": each.source} for each in PUBLISHED]
    rows += [
        {
            "name": mark.name,
            "accuracy": mark.accuracy,
            "from": mark.interval[0],
            "to": mark.interval[1],
            "source": f"this dashboard, on {mark.measured_on}",
        }
        for mark in marks
    ]
    return pd.DataFrame(rows).sort_values("accuracy", kind="stable", ignore_index=True)


def chart(marks: Sequence[Mark]) -> go.Figure:
    """A ruler of published accuracies, worst at the bottom, with the run's own and their 95% intervals on it.

    Notes
    -----
    It is ruled by errors, on a logarithmic scale: halving the errors is the same step everywhere, and the published
    figures, which crowd between 82 and 97 %, stand apart.
    """
    table = to_table(marks)
    own = {mark.name for mark in marks}
    names = [
        f"<b>{name}</b>" if name in own else f"{name}{_SOURCES[source]}"
        for name, source in zip(table["name"], table["source"], strict=True)
    ]
    mine = table["name"].isin(own).to_numpy()
    errors = np.maximum(1 - table["accuracy"].to_numpy(), 0.002)
    figure = theme.chart(
        "This run among published accuracies",
        height=70 + 26 * len(table),
        margin={"l": 10, "r": 30, "t": 50, "b": 10},  # the best figures' text stands beyond their dots
    )
    for chosen, colour, size, symbol in ((~mine, theme.TRAINING, 9, "circle"), (mine, theme.ACCENT, 13, "diamond")):
        rows = table[chosen]
        figure.add_scatter(
            x=errors[chosen],
            y=np.flatnonzero(chosen),
            mode="markers+text",
            text=[f"    {value:.4f}" if size == 13 else f"  {value:.3f}" for value in rows["accuracy"]],
            textposition="middle right",
            customdata=rows[["source"]],
            marker={"size": size, "color": colour, "symbol": symbol},
            hovertemplate="%{text}<br>%{customdata[0]}<extra></extra>",
            cliponaxis=False,
            showlegend=False,
        )
    for place in np.flatnonzero(mine):
        row = table.iloc[place]
        figure.add_scatter(
            x=[max(1 - row["from"], 0.002), max(1 - row["to"], 0.002)],
            y=[place, place],
            mode="lines",
            line={"color": theme.ACCENT, "width": 3},
            hoverinfo="skip",
            showlegend=False,
        )
    figure.update_layout(hovermode="closest", title={"xref": "container"})
    figure.update_xaxes(
        type="log",
        range=[np.log10(max(errors.max() * 1.25, 1.0)), np.log10(min(errors.min(), 0.033) * 0.42)],
        tickvals=[1 - tick for tick in _TICKS],
        ticktext=[f"{tick:.2f}" for tick in _TICKS],
        tickangle=0,
        title="accuracy",
    )
    figure.update_yaxes(tickvals=list(range(len(names))), ticktext=names, showgrid=True, zeroline=False)
    return figure

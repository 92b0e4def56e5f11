"""Where an accuracy stands between chance and the best published."""

from __future__ import annotations

from dataclasses import dataclass

import plotly.graph_objects as go

from pages.parts import theme

_PAPER = "arXiv 1708.07747, table 3"
_LIST = "list in the data set's README"


@dataclass(frozen=True)
class Published:
    """A published accuracy on the test set."""

    name: str
    accuracy: float
    source: str


PUBLISHED = (
    Published("chance", 0.10, "ten classes of equal size"),
    Published("SGDClassifier", 0.819, _PAPER),
    Published("human, no fashion training", 0.835, _LIST),
    Published("logistic regression", 0.842, _PAPER),
    Published("MLP (100)", 0.871, _PAPER),
    Published("RBF SVM", 0.897, _PAPER),
    Published("two-layer CNN", 0.916, _LIST),
    Published("ResNet-18", 0.949, _LIST),
    Published("WRN-40-4, best listed", 0.967, _LIST),
)
TOO_GOOD = max(published.accuracy for published in PUBLISHED)


def chart(accuracy: float, interval: tuple[float, float]) -> go.Figure:
    """A line of published accuracies with the run's own and its 95 % interval on it.

    Parameters
    ----------
    accuracy : float
    interval : tuple of float
    """
    figure = theme.chart("This run among published accuracies", height=250)
    shown = [published for published in PUBLISHED if published.accuracy >= 0.75]
    figure.add_scatter(
        x=[published.accuracy for published in shown],
        y=[0.0] * len(shown),
        mode="markers+text",
        text=[published.name for published in shown],
        textposition=["top center" if place % 2 else "bottom center" for place in range(len(shown))],
        customdata=[[published.source] for published in shown],
        marker={"size": 9, "color": theme.TRAINING},
        hovertemplate="%{text}: %{x:.3f}<br>%{customdata[0]}<extra></extra>",
        showlegend=False,
    )
    figure.add_scatter(
        x=[accuracy],
        y=[0.45],
        mode="markers+text",
        text=[f"this run: {accuracy:.4f}"],
        textposition="top center",
        error_x={
            "type": "data",
            "array": [interval[1] - accuracy],
            "arrayminus": [accuracy - interval[0]],
            "color": theme.ACCENT,
        },
        marker={"size": 13, "color": theme.ACCENT, "symbol": "diamond"},
        showlegend=False,
        hovertemplate=f"this run: %{{x:.4f}}, 95 %: {interval[0]:.4f} to {interval[1]:.4f}<extra></extra>",
    )
    figure.update_layout(hovermode="closest")
    figure.update_xaxes(range=[min(0.78, accuracy - 0.02), 0.985], tickformat=".0%", title="accuracy")
    figure.update_yaxes(visible=False, range=[-0.6, 1.0])
    return figure

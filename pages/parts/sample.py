"""One picture, opened: its pixels, its numbers, and how it is flattened."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from fmnist_core.preparation import scale_and_flatten
from pages.parts import theme


def pixels_chart(image: np.ndarray, scaled: bool, title: str) -> go.Figure:
    """The picture enlarged; each pixel tells its value.

    Parameters
    ----------
    image : ndarray of shape (28, 28), uint8
    scaled : bool
        Show 0-1, as a model sees it, instead of 0-255.
    """
    values = _values(image, scaled).reshape(28, 28)
    figure = theme.chart(title, height=400)
    figure.add_heatmap(
        z=values,
        colorscale="gray_r",
        zmin=0,
        zmax=1 if scaled else 255,
        colorbar={"thickness": 10},
        hovertemplate="row %{y}, column %{x}: %{z" + (":.3f" if scaled else "") + "}<extra></extra>",
    )
    figure.update_layout(hovermode="closest")
    figure.update_xaxes(visible=False, scaleanchor="y", constrain="domain")
    figure.update_yaxes(visible=False, autorange="reversed", constrain="domain")
    return figure


def flat_chart(image: np.ndarray, scaled: bool, row: int) -> go.Figure:
    """The 784 numbers in one line, with one row of the picture marked where it lands.

    Parameters
    ----------
    image : ndarray of shape (28, 28), uint8
    scaled : bool
        Show 0-1 instead of 0-255.
    row : int
        The row to mark, 0-27.
    """
    values = _values(image, scaled).ravel()
    figure = theme.chart(f"Flattened: 28 rows end to end; row {row} fills places {row * 28} to {row * 28 + 27}", 230)
    figure.add_bar(x=np.arange(784), y=values, marker={"color": theme.TRAINING, "line": {"width": 0}}, showlegend=False)
    figure.add_vrect(x0=row * 28 - 0.5, x1=row * 28 + 27.5, fillcolor=theme.ACCENT, opacity=0.25, line_width=0)
    figure.update_layout(bargap=0, hovermode="closest")
    figure.update_xaxes(title="place in the line (0 to 783)", range=[-1, 784])
    figure.update_yaxes(range=[0, 1.05 if scaled else 265])
    return figure


def histogram_chart(image: np.ndarray) -> go.Figure:
    """How many pixels have which grey value."""
    counts = np.bincount(image.ravel() // 16, minlength=16)
    figure = theme.chart("How many pixels are how dark", 230)
    figure.add_bar(x=np.arange(16) * 16 + 8, y=counts, width=15, marker={"color": theme.VALIDATION}, showlegend=False)
    figure.update_layout(hovermode="closest")
    figure.update_xaxes(title="grey value: 0 is the background, 255 the darkest ink")
    figure.update_yaxes(title="pixels")
    return figure


def _values(image: np.ndarray, scaled: bool) -> np.ndarray:
    return scale_and_flatten(image[None], np.float64)[0] if scaled else image.ravel()

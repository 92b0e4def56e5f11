"""Colours and chart manners that hold on every page. Fonts and surfaces are in .streamlit/config.toml."""

from __future__ import annotations

import plotly.graph_objects as go

TRAINING = "#7a869a"
VALIDATION = "#0072b2"
ACCENT = "#d55e00"
LESSON = "#009e73"

# Ten colours that stay apart for colour-blind eyes (Okabe and Ito's eight, and two between), one per class.
CLASS_COLOURS = (
    "#0072b2",
    "#e69f00",
    "#009e73",
    "#cc79a7",
    "#56b4e9",
    "#d55e00",
    "#8c6d31",
    "#7a869a",
    "#b3a100",
    "#6a3d9a",
)


def chart(title: str, height: int = 320) -> go.Figure:
    """An empty figure that says what it shows, with room for nothing else."""
    figure = go.Figure()
    figure.update_layout(
        title={"text": title, "font": {"size": 15}, "x": 0, "xanchor": "left", "xref": "paper"},
        height=height,
        margin={"l": 10, "r": 10, "t": 50, "b": 10},
        legend={"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 1, "xanchor": "right"},
        hovermode="x unified",
    )
    return figure

"""Colours and chart manners that hold on every page. Fonts and surfaces are in .streamlit/config.toml."""

from __future__ import annotations

import plotly.graph_objects as go

TRAINING = "#7a869a"
VALIDATION = "#0072b2"
ACCENT = "#d55e00"
LESSON = "#009e73"

# One colour per class, the same everywhere. Streamlit puts the theme's ten categorical colours, which config.toml
# chooses for light and for dark, in the place of these stand-ins of its own.
CLASS_COLOURS = tuple(f"#0000{number:02}" for number in range(1, 11))


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

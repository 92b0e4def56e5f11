"""Colours and chart manners that hold on every page. Fonts and surfaces are in .streamlit/config.toml."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

TRAINING = "#7a869a"
VALIDATION = "#1f83c4"
ACCENT = "#d55e00"
LESSON = "#009e73"

# One for each class. Streamlit puts its theme's categorical colours, light or dark, in the place of these ten
# stand-ins; .streamlit/config.toml holds both palettes, and why they are as they are.
CLASS_COLOURS = tuple(f"#{number:06d}" for number in range(1, 11))


def chart(title: str, height: int = 320, **layout: Any) -> go.Figure:
    """An empty figure with a title and narrow margins.

    A layout given here, whole, takes 0.6 ms; by `update_layout` it would take 4, and every rerun draws all charts.
    """
    return go.Figure(
        layout={
            "title": {"text": title, "font": {"size": 15}, "x": 0, "xanchor": "left", "xref": "paper"},
            "height": height,
            "margin": {"l": 10, "r": 10, "t": 50, "b": 10},
            "legend": {"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 1, "xanchor": "right"},
            "hovermode": "x unified",
            **layout,
        }
    )

"""A matrix of the ten classes by the ten classes, each cell of which can be clicked."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from fmnist_core.dataset import CLASS_NAMES
from pages.parts import theme


def chart(title: str, shares: np.ndarray, texts: np.ndarray, hovers: np.ndarray, height: int) -> go.Figure:
    """The matrix as a heat map; a click on a cell selects it.

    Parameters
    ----------
    title : str
    shares : ndarray of shape (10, 10), float64
        What the colours stand for, 0 to 1; NaN leaves a cell without colour.
    texts : ndarray of shape (10, 10)
        What stands in each cell.
    hovers : ndarray of shape (10, 10), str
        What is said of a cell while the pointer is over it.
    height : int
        In CSS pixels.

    Notes
    -----
    Streamlit reports no clicks on a heat map, so transparent squares lie over the cells.
    """
    # The title starts at the very left: the names of the classes leave it little room on a narrow screen.
    figure = theme.chart(title, height, hovermode="closest", clickmode="event+select", dragmode=False)
    figure.add_heatmap(
        z=shares,
        x=CLASS_NAMES,
        y=CLASS_NAMES,
        text=texts,
        texttemplate="%{text}",
        showscale=False,
        hoverinfo="skip",
        xgap=1,
        ygap=1,
    )
    rows, columns = np.indices((10, 10)).reshape(2, -1)
    figure.add_scatter(
        x=[CLASS_NAMES[column] for column in columns],
        y=[CLASS_NAMES[row] for row in rows],
        mode="markers",
        marker={"symbol": "square", "size": 32, "opacity": 0},
        customdata=hovers.ravel(),
        hovertemplate="%{customdata}<extra></extra>",
        showlegend=False,
    )
    figure.update_layout(title={"xref": "container"})
    figure.update_xaxes(tickangle=-40, showgrid=False)
    figure.update_yaxes(autorange="reversed", showgrid=False)
    return figure


def clicked(key: str) -> tuple[int, int] | None:
    """Row and column of the cell that was clicked in the chart of this key, or None."""
    points = st.session_state[key].selection.points
    cell = points[0].get("point_index") if points else None
    # The squares were drawn row by row. A modified client may send anything.
    if type(cell) is not int or not 0 <= cell < len(CLASS_NAMES) ** 2:
        return None
    return divmod(cell, len(CLASS_NAMES))

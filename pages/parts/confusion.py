"""Which class is taken for which: the matrix, and the commonest confusions in words."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from fmnist_core.dataset import CLASS_NAMES
from pages.parts import theme


def to_table(confusion: np.ndarray) -> pd.DataFrame:
    """Rows: true class. Columns: predicted class. Counts of pictures."""
    return pd.DataFrame(confusion, index=pd.Index(CLASS_NAMES, name="true class"), columns=list(CLASS_NAMES))


def chart(confusion: np.ndarray, as_shares: bool) -> go.Figure:
    """The matrix as a heat map; a click on a cell selects it.

    Parameters
    ----------
    confusion : ndarray of shape (10, 10), integers
        Rows: true class.
    as_shares : bool
        Show each cell as a share of its row.

    Notes
    -----
    Streamlit reports no clicks on a heat map, so transparent squares lie over the cells.
    """
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    text = [[f"{value:.0%}" for value in row] for row in shares] if as_shares else confusion
    figure = theme.chart("Rows: what it is. Columns: what the model said", height=560)
    figure.add_heatmap(
        z=shares,
        x=CLASS_NAMES,
        y=CLASS_NAMES,
        text=text,
        texttemplate="%{text}",
        colorscale="Blues",
        showscale=False,
        hoverinfo="skip",
        xgap=1,
        ygap=1,
    )
    true, predicted = np.indices(confusion.shape).reshape(2, -1)
    figure.add_scatter(
        x=[CLASS_NAMES[column] for column in predicted],
        y=[CLASS_NAMES[row] for row in true],
        mode="markers",
        marker={"symbol": "square", "size": 34, "opacity": 0},
        customdata=np.column_stack([true, predicted, confusion.ravel()]),
        hovertemplate="%{y}, called %{x}: %{customdata[2]} pictures<extra></extra>",
        showlegend=False,
    )
    figure.update_layout(hovermode="closest", clickmode="event+select", dragmode=False)
    figure.update_xaxes(tickangle=-40, showgrid=False)
    figure.update_yaxes(autorange="reversed", showgrid=False)
    return figure


def commonest(confusion: np.ndarray, n: int = 5) -> list[tuple[int, int, int]]:
    """The `n` largest cells off the diagonal: (true class, predicted class, pictures), most first."""
    wrong = confusion.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:n]
    cells = (np.unravel_index(cell, wrong.shape) for cell in order)
    return [(int(true), int(predicted), int(wrong[true, predicted])) for true, predicted in cells]

"""Which class is taken for which: the matrix, the commonest confusions in words, and the classes one by one."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from fmnist_core import Report
from fmnist_core.dataset import CLASS_NAMES
from pages.parts import class_matrix, csv_button, mistakes, theme
from pages.parts.measured import Measured

_MATRIX = "confusion.matrix"


def to_table(confusion: np.ndarray) -> pd.DataFrame:
    """Rows: true class. Columns: predicted class. Counts of pictures."""
    return pd.DataFrame(confusion, index=pd.Index(CLASS_NAMES, name="true class"), columns=list(CLASS_NAMES))


def class_table(report: Report) -> pd.DataFrame:
    """One row a class that has pictures, the worst F1 first."""
    table = pd.DataFrame(
        {
            "class": CLASS_NAMES,
            "precision": report.precision,
            "recall": report.recall,
            "F1": report.f1,
            "pictures": report.support,
        }
    )
    return table[table["pictures"] > 0].sort_values("F1", kind="stable", ignore_index=True)


def chart(confusion: np.ndarray, as_shares: bool, chosen: tuple[int, int] | None = None) -> go.Figure:
    """The matrix as a heat map; a click on a cell selects it.

    Parameters
    ----------
    confusion : ndarray of shape (10, 10), integers
        Rows: true class.
    as_shares : bool
        Show each cell as a share of its row.
    chosen : tuple of int, optional
        Row and column of a cell that is framed.
    """
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    hovers = [
        [
            f"{true}, called {said}: {n:,} pictures, {share:.1%} of the row"
            for said, n, share in zip(CLASS_NAMES, *row, strict=True)
        ]
        for true, *row in zip(CLASS_NAMES, confusion, shares, strict=True)
    ]
    cells, form = (shares, ".0%") if as_shares else (confusion, ",")
    texts = [[format(cell, form) for cell in row] for row in cells]
    figure = class_matrix.chart(
        "True class (row), the model's answer (column)", shares, np.array(texts), np.array(hovers), height=560
    )
    figure.update_traces(zmin=0, zmax=1, selector={"type": "heatmap"})
    if chosen is not None:
        row, column = chosen
        sides = {"x0": column - 0.5, "x1": column + 0.5, "y0": row - 0.5, "y1": row + 0.5}
        figure.add_shape(type="rect", line={"color": theme.ACCENT, "width": 3}, **sides)
    return figure


def commonest(confusion: np.ndarray, n: int = 5) -> list[tuple[int, int, int]]:
    """The `n` largest cells off the diagonal: (true class, predicted class, pictures), most first; no empty ones."""
    wrong = confusion.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:n]
    cells = (np.unravel_index(cell, wrong.shape) for cell in order)
    return [
        (int(true), int(predicted), int(wrong[true, predicted])) for true, predicted in cells if wrong[true, predicted]
    ]


def show(measured: Measured) -> None:
    """Draw all of it; a click on a cell or a confusion moves the two class controls of `mistakes`."""
    report, (true, predicted) = measured.report, mistakes.chosen_classes()
    cell = (true, predicted) if true is not None and predicted is not None else None
    matrix, words = st.columns([1.5, 1], gap="large")
    with matrix:
        as_shares = st.toggle("Percentages of each row", key="confusion.shares", persist_state="session")
        st.plotly_chart(
            chart(report.confusion, as_shares, cell),
            key=_MATRIX,
            on_select=_choose_cell,
            selection_mode="points",
            alt="Confusion matrix: counts of pictures by true and predicted class",
        )
        st.caption(f"Click a cell to see its pictures. Measured on {measured.where}.")
        csv_button.offer(lambda: to_table(report.confusion), f"confusion_{measured.run.run_id}", "confusion.csv")
    with words:
        mistakes.show_first(measured)
        _show_commonest(report, cell)
        st.markdown("**Class by class, worst first**")
        st.dataframe(
            class_table(report),
            hide_index=True,
            key="per_class",
            alt="Precision, recall and F1 of each class",
            column_config={
                "precision": st.column_config.NumberColumn(
                    format="%.3f", help="When the model says this class: how often is it right?"
                ),
                "recall": st.column_config.NumberColumn(
                    format="%.3f", help="Of the pictures of this class: how many are found?"
                ),
                "F1": st.column_config.NumberColumn(format="%.3f", help="One figure for both: their harmonic mean."),
                "pictures": st.column_config.NumberColumn(format="localized"),
            },
        )
        missing = [name for name, n in zip(CLASS_NAMES, report.support, strict=True) if n == 0]
        if missing:
            st.warning(
                f"No picture of {', '.join(missing)} was held out: what the run learned of them was not measured.",
                icon=":material/warning:",
            )


def _show_commonest(report: Report, chosen: tuple[int, int] | None) -> None:
    st.markdown("**The five commonest confusions**: click one to see its pictures")
    with st.container(gap="xxsmall"):
        for place, (true, predicted, n) in enumerate(commonest(report.confusion)):
            of = report.support[true]
            st.button(
                f"**{CLASS_NAMES[true]}** called **{CLASS_NAMES[predicted]}**: {n:,} of {of:,} ({n / of:.1%})",
                key=f"confusion.commonest.{place}",
                type="tertiary",
                icon=":material/arrow_upward:" if (true, predicted) == chosen else ":material/search:",
                wrap=True,
                on_click=mistakes.choose_classes,
                args=(true, predicted),
            )


def _choose_cell() -> None:
    cell = class_matrix.clicked(_MATRIX)
    if cell is not None:
        mistakes.choose_classes(*cell)

"""The ten classes: what each looks like, how it varies, what tells two apart, and which live next to which."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st
from scipy.stats import spearmanr

from fmnist_core.dataset import CLASS_NAMES
from fmnist_core.exploration import ClassStatistics, Separation
from pages.parts import class_matrix, csv_button, engine, explored, gallery, run_names, theme
from pages.parts import explorer_state as state

_N_BINS = 16
_SIMILARITY = "explorer.similarity"


def histogram_table(statistics: ClassStatistics) -> pd.DataFrame:
    """Rows: grey values, 16 to a bin, the first without 0, which is background. Columns: classes. Share of pixels."""
    bins = statistics.histograms.copy()
    bins[:, 0] = 0
    shares = bins.reshape(10, _N_BINS, -1).sum(axis=2) / statistics.histograms.sum(axis=1, keepdims=True)
    return pd.DataFrame(shares.T, index=pd.Index(np.arange(_N_BINS) * 16, name="from"), columns=list(CLASS_NAMES))


def histogram_chart(table: pd.DataFrame, marked: tuple[str, str]) -> go.Figure:
    """A line a class; the two of `marked` are thick."""
    figure = theme.chart("How often each grey value occurs, by class", 380)
    for name, colour in zip(CLASS_NAMES, theme.CLASS_COLOURS, strict=True):
        figure.add_scatter(
            x=table.index + 8,
            y=table[name],
            name=name,
            mode="lines",
            line={"color": colour, "width": 4 if name in marked else 1.5},
            hovertemplate="%{y:.2%}",
        )
    figure.update_layout(legend={"y": -0.25, "yanchor": "top", "x": 0, "xanchor": "left"})
    figure.update_xaxes(title="grey value, without the background (0)", tickvals=[1, 64, 128, 192, 255])
    figure.update_yaxes(tickformat=".0%", rangemode="tozero", title="share of all pixels")
    return figure


def difference_chart(separation: Separation, first: str, second: str) -> go.Figure:
    """Where the mean pictures differ."""
    reach = max(float(np.abs(separation.difference).max()), 1.0)
    figure = theme.chart(f"Mean {second} minus mean {first}", 360)
    figure.add_heatmap(
        z=separation.difference,
        colorscale="RdBu",
        zmin=-reach,
        zmax=reach,
        colorbar={"thickness": 10},
        hovertemplate="row %{y}, column %{x}: %{z:+.1f}<extra></extra>",
    )
    figure.update_layout(hovermode="closest", dragmode=False)
    figure.update_xaxes(visible=False, scaleanchor="y", constrain="domain")
    figure.update_yaxes(visible=False, autorange="reversed", constrain="domain")
    return figure


def places_chart(separation: Separation, first: str, second: str) -> go.Figure:
    """How far the pictures of both classes overlap on the line between their means."""
    figure = theme.chart("How far the two classes overlap", 360)
    both = np.concatenate(separation.places)
    edges = np.linspace(both.min(), both.max(), 81)
    for name, places in zip((first, second), separation.places, strict=True):
        counts, _ = np.histogram(places, edges)
        figure.add_bar(
            x=(edges[:-1] + edges[1:]) / 2,
            y=counts,
            name=name,
            opacity=0.65,
            marker={"color": theme.CLASS_COLOURS[CLASS_NAMES.index(name)], "line": {"width": 0}},
            hovertemplate="%{y} pictures",
        )
    figure.add_vline(x=0.5, line={"dash": "dot", "color": theme.TRAINING})
    figure.update_layout(barmode="overlay", bargap=0)
    figure.update_xaxes(tickvals=[0, 0.5, 1], ticktext=[f"mean {first}", "halfway", f"mean {second}"], showgrid=False)
    figure.update_yaxes(title="pictures")
    return figure


def similarity_table(counts: np.ndarray) -> pd.DataFrame:
    """Rows: a picture's class. Columns: share of its ten nearest neighbours that are of that class."""
    shares = counts / counts.sum(axis=1, keepdims=True)
    return pd.DataFrame(shares, index=pd.Index(CLASS_NAMES, name="class"), columns=list(CLASS_NAMES))


def similarity_chart(table: pd.DataFrame, marked: tuple[str, str]) -> go.Figure:
    """The table as a heat map without its diagonal; `marked` has a frame, a click on a cell chooses its two classes."""
    shares = table.to_numpy(copy=True)
    hovers = [
        [f"{share:.1%} of the neighbours of {name} are {other}" for other, share in zip(CLASS_NAMES, row, strict=True)]
        for name, row in zip(CLASS_NAMES, shares, strict=True)
    ]
    np.fill_diagonal(shares, np.nan)
    texts = [["" if np.isnan(share) or share < 0.005 else f"{share:.0%}" for share in row] for row in shares]
    title = "Class of a picture (row) and of its neighbours"
    figure = class_matrix.chart(title, shares, np.array(texts), np.array(hovers), height=520)
    row, column = (CLASS_NAMES.index(name) for name in marked)
    figure.add_shape(
        type="rect",
        x0=column - 0.5,
        x1=column + 0.5,
        y0=row - 0.5,
        y1=row + 0.5,
        line={"color": theme.ACCENT, "width": 3},
    )
    return figure


def show() -> None:
    """All about the classes, in the training pictures."""
    statistics = explored.class_statistics("train")
    _show_pictures(statistics)
    first, second = _show_pair()
    separation = explored.separation(CLASS_NAMES.index(first), CLASS_NAMES.index(second))
    difference, places = st.columns(2, gap="medium")
    with difference:
        st.plotly_chart(
            difference_chart(separation, first, second), key="difference", alt=f"Mean {second} minus mean {first}"
        )
        st.caption(f"Blue: more ink in {second}. Red: more ink in {first}. White: no help in telling them apart.")
    with places:
        st.plotly_chart(places_chart(separation, first, second), key="places", alt=f"Overlap of {first} and {second}")
        st.caption(
            "Choosing the class whose mean is nearer is wrong for "
            f"**{separation.mistaken:.1%}** of these 12,000 pictures. A linear model draws such a line too, but "
            "chooses its direction better."
        )
    st.plotly_chart(
        histogram_chart(histogram_table(statistics), (first, second)), key="ink", alt="Grey values of each class"
    )
    _show_similarity(first, second)


def _show_pictures(statistics: ClassStatistics) -> None:
    st.markdown(
        "A **class** is a kind of clothing; the number from 0 to 9 that stands for it is the **label**. Every class "
        "has the same number of pictures: 6,000 in train, 1,000 in test. So always naming the same class would be "
        "right for one picture in ten."
    )
    captions = [
        f"{number} {name}: {n:,}" for number, (name, n) in enumerate(zip(CLASS_NAMES, statistics.counts, strict=True))
    ]
    st.markdown(
        "**The mean picture** of each class, and how many there are. Click one to see its most typical pictures."
    )
    clicked = gallery.show(
        np.rint(statistics.means).astype(np.uint8),
        captions,
        "explorer.means",
        label="Mean picture of each class",
        size=90,
    )
    if clicked is not None:
        state.wish(view="pictures", classes=(CLASS_NAMES[clicked],), order="typical", page=1, index="")
    st.markdown(
        "**The spread picture**: the stronger a pixel, the more it differs within the class (standard deviation; below "
        "each picture its mean over all pixels). "
        "Click one to see its least typical pictures."
    )
    spreads = statistics.spreads / statistics.spreads.max() * 255
    clicked = gallery.show(
        np.rint(spreads).astype(np.uint8),
        [
            f"{name}: ±{spread:.0f}"
            for name, spread in zip(CLASS_NAMES, statistics.spreads.mean(axis=(1, 2)), strict=True)
        ],
        "explorer.spreads",
        label="Spread picture of each class",
        descriptions=[f"Spread of {name}" for name in CLASS_NAMES],
        size=90,
    )
    if clicked is not None:
        state.wish(view="pictures", classes=(CLASS_NAMES[clicked],), order="untypical", page=1, index="")


def _show_pair() -> tuple[str, str]:
    st.subheader("What tells two classes apart")
    controls = st.columns(2)
    for control, name, title in zip(controls, ("first", "second"), ("One class", "The other"), strict=True):
        control.selectbox(title, CLASS_NAMES, key=state.key(name), persist_state="session")
    first, second = state.get("first"), state.get("second")
    if first == second:
        second = next(name for name in CLASS_NAMES if name != first)
        st.caption(f"The same class twice: compared with {second} instead.")
    return first, second


def _show_similarity(first: str, second: str) -> None:
    st.subheader("Which classes live next to which")
    table = similarity_table(explored.neighbour_counts())
    chart, text = st.columns([1.6, 1], gap="large")
    with chart:
        st.plotly_chart(
            similarity_chart(table, (first, second)),
            key=_SIMILARITY,
            on_select=_choose_pair,
            selection_mode="points",
            alt="Share of nearest neighbours by class",
        )
    with text:
        st.markdown(
            "For each of 3,000 pictures the ten nearest others were looked up. Where many belong to another class, "
            "expect models to confuse the two. Click a cell to compare its two classes above."
        )
        share = table.to_numpy()[CLASS_NAMES.index(first), CLASS_NAMES.index(second)]
        st.metric(f"Neighbours of {first} that are {second}", f"{share:.1%}")
        _link_to_evaluation(first, second)
        csv_button.offer(lambda: table, "class_neighbours", "class_neighbours.csv")


def _choose_pair() -> None:
    cell = class_matrix.clicked(_SIMILARITY)
    if cell is not None:
        for name, number in zip(("first", "second"), cell, strict=True):
            st.session_state[state.key(name)] = CLASS_NAMES[number]


def _link_to_evaluation(first: str, second: str) -> None:
    record = explored.best_baseline() or next(iter(engine.store().records()), None)
    if record is None:
        st.caption("Once a model has been run, this is compared with its mistakes, and a link leads to them.")
        return
    agreement = foretells(explored.neighbour_counts(), engine.held_out_report(record.run_id).confusion)
    st.metric(
        "Agreement with a model's mistakes (1 is perfect)",
        f"{agreement:.2f}",
        help=f"Spearman's rank correlation over the 90 pairs, with {run_names.describe(record)}. 1: the table ranks "
        "the pairs exactly as that model's mistakes do; 0: it says nothing about them.",
    )
    st.page_link(
        "evaluation.py",
        label=f"See which {first} pictures it called {second}",
        icon=":material/arrow_forward:",
        query_params={
            "run": record.run_id,
            "true": str(CLASS_NAMES.index(first)),
            "predicted": str(CLASS_NAMES.index(second)),
        },
    )


def foretells(counts: np.ndarray, confusion: np.ndarray) -> float:
    """Spearman's rank correlation of neighbours and mistakes, over all pairs of different classes."""
    pairs = ~np.eye(10, dtype=bool)
    return float(spearmanr(counts[pairs], confusion[pairs]).statistic)

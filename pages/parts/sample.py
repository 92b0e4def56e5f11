"""One picture, opened: its pixels, its numbers, how it is flattened, and the pictures most like it."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from fmnist_core.dataset import CLASS_NAMES
from fmnist_core.preparation import scale_and_flatten
from pages.parts import explored, found, gallery, theme
from pages.parts import explorer_state as state


def pixels_chart(image: np.ndarray, scaled: bool, pixel: tuple[int, int], title: str) -> go.Figure:
    """The picture enlarged; each pixel tells its value, and each row at the left where flattening puts it.

    Parameters
    ----------
    image : ndarray of shape (28, 28), uint8
    scaled : bool
        Draw 0-1, as a model sees it, instead of 0-255. To the eye it is the same.
    pixel : (int, int)
        Row and column to mark, 0-27.
    """
    figure = theme.chart(title, height=330)
    figure.add_heatmap(
        z=_values(image, scaled).reshape(28, 28),
        customdata=np.stack([image, image / 255.0], axis=-1),
        colorscale="gray_r",
        zmin=0,
        zmax=1 if scaled else 255,
        showscale=False,
        hovertemplate="row %{y}, column %{x}<br><b>%{customdata[0]}</b>, scaled "
        "<b>%{customdata[1]:.4f}</b><extra></extra>",
    )
    row, column = pixel
    _frame(figure, -0.5, 27.5, row - 0.5, row + 0.5)
    _frame(figure, column - 0.5, column + 0.5, row - 0.5, row + 0.5)
    rows = sorted({row, *(each for each in range(0, 28, 3) if abs(each - row) > 1)})
    # the labels at the left say which places of the flattened line a row fills; they leave the title little room
    figure.update_layout(hovermode="closest", dragmode=False, title={"xref": "container"})
    figure.update_xaxes(visible=False, scaleanchor="y", constrain="domain", constraintoward="left")
    figure.update_yaxes(
        autorange="reversed",
        constrain="domain",
        constraintoward="top",
        tickvals=rows,
        ticktext=[f"{each * 28}–{each * 28 + 27}" for each in rows],
        title={"text": "where each row goes in the line", "font": {"size": 12}},
        showgrid=False,
        zeroline=False,
    )
    return figure


def flat_chart(image: np.ndarray, scaled: bool, pixel: tuple[int, int]) -> go.Figure:
    """The 784 numbers in one line, with one row of the picture and one of its pixels marked where they land.

    Parameters
    ----------
    image : ndarray of shape (28, 28), uint8
    scaled : bool
        Draw 0-1 instead of 0-255.
    pixel : (int, int)
        Row and column to mark, 0-27.
    """
    row, column = pixel
    figure = theme.chart(f"Flattened: row {row} fills {row * 28} to {row * 28 + 27}", 160)
    places = np.arange(784)
    flat = image.ravel()
    figure.add_heatmap(
        z=_values(image, scaled).reshape(1, 784),
        customdata=np.stack([places // 28, places % 28, flat, flat / 255.0], axis=-1)[None],
        colorscale="gray_r",
        zmin=0,
        zmax=1 if scaled else 255,
        showscale=False,
        hovertemplate="place %{x}: row %{customdata[0]}, column %{customdata[1]}<br><b>%{customdata[2]}</b>, scaled "
        "<b>%{customdata[3]:.4f}</b><extra></extra>",
    )
    _frame(figure, row * 28 - 0.5, row * 28 + 27.5, -0.5, 0.5)
    place = row * 28 + column
    _frame(figure, place - 0.5, place + 0.5, -0.5, 0.5)
    figure.update_layout(hovermode="closest", dragmode=False, title={"xref": "container"})
    figure.update_xaxes(tickvals=[*range(0, 784, 112), 783], range=[-2, 785], showgrid=False, title="place in the line")
    figure.update_yaxes(visible=False, range=[-0.6, 0.6])
    return figure


def _frame(figure: go.Figure, x0: float, x1: float, y0: float, y1: float) -> None:
    figure.add_shape(type="rect", x0=x0, x1=x1, y0=y0, y1=y1, line={"color": theme.ACCENT, "width": 3})


def histogram_chart(image: np.ndarray, scaled: bool) -> go.Figure:
    """How many pixels have which value, raw or scaled: scaling changes the axis and nothing else."""
    counts = np.bincount(image.ravel() // 16, minlength=16)
    lows = np.arange(16) * 16
    figure = theme.chart("How many pixels have which value", 215)
    figure.add_bar(
        x=lows + 7.5,
        y=counts,
        width=15,
        marker={"color": theme.VALIDATION},
        customdata=np.column_stack([lows, lows + 15]),
        hovertemplate="%{customdata[0]} to %{customdata[1]}: %{y} pixels<extra></extra>",
        showlegend=False,
    )
    figure.update_layout(hovermode="closest", title={"xref": "container"})
    ticks = [0, 51, 102, 153, 204, 255]
    figure.update_xaxes(
        title=f"value: 0 is background, {1 if scaled else 255} full ink",
        tickvals=ticks,
        ticktext=[f"{each / 255:.1f}" if scaled else str(each) for each in ticks],
    )
    figure.update_yaxes(title="pixels")
    return figure


@st.dialog("One picture, up close", width="large", on_dismiss=state.close_picture)
def show(split: str, position: int) -> None:
    """Open a picture over the page.

    Parameters
    ----------
    split : str
        "train" or "test".
    position : int
        In the split.
    """
    found.note_picture(split, position)
    pictures = explored.split(split)
    image, label = pictures.images[position], CLASS_NAMES[pictures.labels[position]]
    st.markdown(
        f"**{label}**, picture {position:,} of {split} (numbered from 0). It is 28 × 28 **pixels**, each a number "
        "from 0 to 255. "
        "**Scaling** divides them by 255: models learn faster and more reliably from small numbers. "
        "**Flattening** lays the 28 rows end to end: 784 numbers in a line, which is what a simple model takes."
    )
    shown, facts = st.columns([1.1, 1], gap="medium")
    with facts:
        _show_steps(split, position)
        scaled = st.toggle("Scaled to 0–1", key="explorer.scaled", persist_state="session")
        controls = st.columns(2, gap="medium")
        row, column = (
            control.slider(f"{name} to follow", 0, 27, 14, key=f"explorer.{name.lower()}", persist_state="session")
            for control, name in zip(controls, ("Row", "Column"), strict=True)
        )
        st.plotly_chart(
            histogram_chart(image, scaled), key="histogram", alt=f"Histogram of the pixel values of this {label}"
        )
    with shown:
        st.plotly_chart(
            pixels_chart(image, scaled, (row, column), f"{label}: each pixel's value" + (" / 255" if scaled else "")),
            key="pixels",
            alt=f"Picture {position} of {split}: {label}, enlarged",
        )
    st.plotly_chart(flat_chart(image, scaled, (row, column)), key="flat", alt="The picture's 784 numbers in one line")
    value = image[row, column]
    st.markdown(
        f"`image[{row}, {column}]` is **{value}**, scaled {value} / 255 = **{value / 255:.4f}**. In the line it is at "
        f"{row} × 28 + {column}: `flat[{row * 28 + column}]`. Shapes: `image` (28, 28), `flat` (784,)."
    )
    _show_neighbours(split, position)


def _show_steps(split: str, position: int) -> None:
    last = state.SIZES[split] - 1
    with st.container(horizontal=True):
        if st.button("Previous", key="explorer.back", icon=":material/chevron_left:", disabled=position == 0):
            state.open_picture(split, position - 1)
        if st.button("Next", key="explorer.on", icon=":material/chevron_right:", disabled=position == last):
            state.open_picture(split, position + 1)


def _show_neighbours(split: str, position: int) -> None:
    train, found = explored.split("train"), explored.neighbours(split, position)
    labels = [CLASS_NAMES[label] for label in train.labels[found.positions]]
    own = CLASS_NAMES[explored.split(split).labels[position]]
    n_same = labels.count(own)
    st.markdown(
        f"**The ten training pictures most like it**, nearest first: {n_same} of 10 bear the same label. The distance "
        "is the square root of the summed squared differences of all 784 scaled pixels."
    )
    clicked = gallery.show(
        train.images[found.positions],
        [f"{label} {distance:.2f}" for label, distance in zip(labels, found.distances, strict=True)],
        "explorer.neighbours",
        label="The ten nearest training pictures",
        descriptions=[
            f"{label}, picture {place} of train, distance {distance:.2f}"
            for label, place, distance in zip(labels, found.positions, found.distances, strict=True)
        ],
        size=72,
    )
    if clicked is not None:
        state.open_picture("train", int(found.positions[clicked]))


def _values(image: np.ndarray, scaled: bool) -> np.ndarray:
    return scale_and_flatten(image[None], np.float64)[0] if scaled else image.ravel()

"""The map: 3,000 pictures in two dimensions, similar ones close together; what is chosen there is shown below."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from fmnist_core.dataset import CLASS_NAMES
from fmnist_core.exploration import PictureMap
from pages.parts import explored, picture_list, theme
from pages.parts import explorer_state as state

_KEY = "explorer.map"


def chart(points: np.ndarray, positions: np.ndarray, labels: np.ndarray, title: str) -> go.Figure:
    """A point a picture, coloured by class.

    Parameters
    ----------
    points : ndarray of shape (n, 2), float32
    positions : ndarray of shape (n,), int32
        In the training pictures.
    labels : ndarray of shape (n,), uint8
    """
    figure = theme.chart(title, height=540)
    for number, (name, colour) in enumerate(zip(CLASS_NAMES, theme.CLASS_COLOURS, strict=True)):
        own = labels == number
        figure.add_scatter(
            x=np.round(points[own, 0], 2),
            y=np.round(points[own, 1], 2),
            name=name,
            mode="markers",
            marker={"color": colour, "size": 6, "opacity": 0.75},
            customdata=positions[own],
            hovertemplate=f"{name}, picture %{{customdata}}<extra></extra>",
        )
    figure.update_layout(
        hovermode="closest",
        dragmode="lasso",
        clickmode="event+select",
        legend={"y": 0, "yanchor": "top", "x": 0, "xanchor": "left", "itemsizing": "constant"},
    )
    figure.update_xaxes(showticklabels=False, showgrid=False, zeroline=False)
    figure.update_yaxes(showticklabels=False, showgrid=False, zeroline=False)
    return figure


def show() -> None:
    """The map, its controls, and the pictures chosen on it."""
    st.markdown(
        "Each point is a training picture. **Draw around some**, with mouse or finger, or click one: they appear "
        "below. Classes that overlap here are hard to tell apart."
    )
    controls = st.container(horizontal=True, gap="medium")
    controls.segmented_control(
        "Laid out by",
        tuple(state.LAYOUTS),
        key=state.key("layout"),
        format_func=state.LAYOUTS.__getitem__,
        required=True,
        persist_state="session",
        help="PCA turns the 784 axes so that two of them show as much of the differences as two can. t-SNE bends "
        "space to keep neighbours together: groups are usually pictures that look alike, but the distances between "
        "groups mean little.",
    )
    controls.segmented_control(
        "Pictures",
        state.MAP_SIZES,
        key=state.key("map_size"),
        format_func=lambda n: f"{n:,}",
        required=True,
        persist_state="session",
        help="Chosen at random with a fixed seed, the same ones each time.",
    )
    laid_out = explored.picture_map()
    chosen = thin_out(laid_out, state.get("map_size"))
    labels = explored.split("train").labels[laid_out.positions[chosen]]
    is_pca = state.get("layout") == "pca"
    held = sum(laid_out.explained)
    title = f"PCA: two axes hold {held:.0%} of the differences" if is_pca else "t-SNE: neighbours stay together"
    points = laid_out.pca if is_pca else laid_out.tsne
    event = st.plotly_chart(
        chart(points[chosen], laid_out.positions[chosen], labels, title),
        key=_KEY,
        on_select=state.first_page,
        selection_mode=("points", "box", "lasso"),
        alt=f"Map of {len(chosen):,} training pictures, coloured by class",
    )
    _show_chosen([point["customdata"] for point in event.selection.points])


def thin_out(laid_out: PictureMap, n: int) -> np.ndarray:
    """Which `n` of the map's pictures to show, ascending; the same ones each time."""
    return np.sort(np.random.default_rng(0).permutation(len(laid_out.positions))[:n])


def _show_chosen(customdata: list[object]) -> None:
    found = np.array(sorted({place for each in customdata if (place := _position(each)) is not None}), dtype=np.int64)
    if not len(found):
        st.info("Nothing is chosen yet: draw around some points of the map.", icon=":material/lasso_select:")
        return
    names, counts = np.unique(explored.split("train").labels[found], return_counts=True)
    listed = ", ".join(f"{n} {CLASS_NAMES[name]}" for n, name in sorted(zip(counts, names, strict=True), reverse=True))
    st.subheader(f"{len(found):,} chosen on the map")
    st.caption(listed)
    index = ",".join(map(str, found))
    if st.button(
        "Show these under Pictures, so that a link carries them",
        key="explorer.keep",
        icon=":material/link:",
        disabled=len(index) > state.LONGEST_INDEX,
        help=f"For a link to share. An address has room for about {state.LONGEST_INDEX // 6} pictures.",
    ):
        state.wish(view="pictures", split="train", classes=(), index=index, order="stored", page=1)
    picture_list.show_pictures("train", found, key="on_map")


def _position(value: object) -> int | None:
    """A point's position, as the browser sent it; None for what no chart of ours holds."""
    if isinstance(value, list | tuple) and value:
        value = value[0]
    return value if isinstance(value, int) and 0 <= value < state.SIZES["train"] else None

"""A page of pictures after another: which ones the filters leave, in which order, and the gallery that shows them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

from fmnist_core import BaselineSettings, cost
from fmnist_core.dataset import CLASS_NAMES
from pages.parts import explored, gallery, job_panel
from pages.parts import explorer_state as state


def matching(
    split: str, classes: Sequence[str], index: str, order: str, seed: int = 0, run_id: str | None = None
) -> np.ndarray:
    """Positions of the pictures that the filters leave, in the chosen order.

    Parameters
    ----------
    split : str
        "train" or "test".
    classes : sequence of str
        Names; none means all.
    index : str
        Positions as `explorer_state.parse_index` reads them; empty means all, and positions beyond the split
        are left out.
    order : str
        A key of `explorer_state.ORDERS`.
    seed : int
        Of the random order.
    run_id : str, optional
        The baseline that judges labels; without one the order "doubtful" is as stored.

    Returns
    -------
    ndarray of shape (n,), int64
    """
    labels = explored.split(split).labels
    found = state.parse_index(index) if index else np.arange(len(labels))
    found = found[found < len(labels)]
    if classes:
        found = found[np.isin(labels[found], [CLASS_NAMES.index(name) for name in classes])]
    if order == "random":
        return np.random.default_rng(seed).permutation(found)
    if order in ("typical", "untypical"):
        distances = explored.distances_to_mean(split)[found]
        return found[np.argsort(distances if order == "typical" else -distances, kind="stable")]
    if order == "doubtful" and run_id is not None:
        return found[np.argsort(-explored.doubtful(run_id, split).margins[found], kind="stable")]
    return found


def show_filters() -> None:
    """The controls of the list; what they say is in `explorer_state`."""
    with st.container(horizontal=True, gap="medium"):
        st.segmented_control(
            "Split",
            tuple(state.SIZES),
            key=state.key("split"),
            required=True,
            on_change=state.first_page,
            persist_state="session",
            help="Models learn from train: 60,000 pictures. The 10,000 of test are kept for the very end.",
        )
        st.selectbox(
            "Order",
            tuple(state.ORDERS),
            key=state.key("order"),
            format_func=state.ORDERS.__getitem__,
            on_change=state.first_page,
            persist_state="session",
            width=200,
            help="Typical: near the mean picture of its class. Doubtful: a finished baseline is sure of another class.",
        )
        if state.get("order") == "random":
            st.number_input(
                "Seed",
                0,
                9999,
                key=state.key("seed"),
                on_change=state.first_page,
                persist_state="session",
                width=130,
                help="The same seed gives the same order again.",
            )
        st.text_input(
            "Index",
            key=state.key("index"),
            placeholder="all; or 0-99, 250",
            max_chars=state.LONGEST_INDEX,
            on_change=state.first_page,
            persist_state="session",
            width=170,
            help="Each picture has a number in its split, from 0. Type some to see only them.",
        )
        st.segmented_control(
            "Pictures per page",
            state.PAGE_SIZES,
            key=state.key("per_page"),
            required=True,
            on_change=state.first_page,
            persist_state="session",
        )
    st.pills(
        "Classes",
        CLASS_NAMES,
        key=state.key("classes"),
        selection_mode="multi",
        wrap=True,
        on_change=state.first_page,
        persist_state="session",
        help="Choose some to see only them; none chosen shows all.",
    )


def show() -> None:
    """The filters and the pictures that they leave."""
    show_filters()
    split, classes, order = state.get("split"), state.get("classes"), state.get("order")
    try:
        index = state.get("index").strip()
        if index:
            state.parse_index(index)
    except ValueError:
        st.warning(f"Index takes {state.INDEX_ACCEPTED}.", icon=":material/edit_off:")
        index = ""
    run_id = None
    if order == "doubtful":
        record = explored.best_baseline()
        if record is None:
            offer_baseline("No baseline has been run yet that could doubt a label; the pictures are shown as stored.")
        else:
            run_id = record.run_id
    found = matching(split, classes, index, order, state.get("seed"), run_id)
    show_pictures(split, found, key="gallery")


def show_pictures(split: str, found: np.ndarray, key: str, captions: Sequence[str] | None = None) -> None:
    """One page of `found`, and the way to the others; a click opens a picture.

    Parameters
    ----------
    split : str
    found : ndarray of shape (n,), integers
        Positions in the split.
    key : str
        Of the gallery.
    captions : sequence of str, optional
        One for each of `found`; the class where not given.
    """
    if not len(found):
        st.info("No picture is left. Choose more classes, or another index.", icon=":material/filter_alt_off:")
        return
    per_page = state.get("per_page")
    page = _show_paging(len(found), per_page)
    start = (page - 1) * per_page
    shown = found[start : start + per_page]
    pictures = explored.split(split)
    names = [CLASS_NAMES[label] for label in pictures.labels[shown]]
    below = names if captions is None else captions[start : start + per_page]
    opened = state.opened()
    here = shown == opened[1] if opened is not None and opened[0] == split else np.zeros(len(shown), dtype=bool)
    clicked = gallery.show(
        pictures.images[shown],
        below,
        f"explorer.{key}",
        label=f"Pictures {start + 1:,} to {start + len(shown):,} of {len(found):,}",
        descriptions=[
            f"{name}, picture {position} of {split}" + (f": {caption}" if captions is not None else "")
            for name, position, caption in zip(names, shown, below, strict=True)
        ],
        chosen=int(here.argmax()) if here.any() else None,
        size=56 if captions is None else 72,
    )
    if clicked is not None:
        state.open_picture(split, int(shown[clicked]))


def _show_paging(n: int, per_page: int) -> int:
    n_pages = -(-n // per_page)
    page = min(int(state.get("page")), n_pages)
    st.session_state[state.key("page")] = page
    if n_pages == 1:
        st.caption(f"{n:,} picture{'s' if n > 1 else ''}")
        return page
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Previous",
            key="explorer.previous",
            icon=":material/chevron_left:",
            disabled=page == 1,
            on_click=_turn,
            args=(-1,),
        )
        st.number_input(
            "Page",
            1,
            n_pages,
            key=state.key("page"),
            label_visibility="collapsed",
            persist_state="session",
            width=130,
        )
        st.button(
            "Next",
            key="explorer.next",
            icon=":material/chevron_right:",
            disabled=page == n_pages,
            on_click=_turn,
            args=(1,),
        )
        st.caption(f"page {page:,} of {n_pages:,} · {n:,} pictures")
    return page


def _turn(pages: int) -> None:
    st.session_state[state.key("page")] = max(1, int(state.get("page")) + pages)


def offer_baseline(reason: str) -> None:
    """Say that a baseline is needed, and start it on request."""
    st.info(reason, icon=":material/info:")
    takes = cost.in_words(cost.expected_seconds(BaselineSettings()))
    if st.button(
        f"Run the lesson's baseline (about {takes})", icon=":material/play_arrow:", key="explorer.baseline"
    ) and job_panel.ask(BaselineSettings()):
        st.switch_page("baseline.py")

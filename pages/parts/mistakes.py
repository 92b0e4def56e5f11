"""The pictures behind the figures: of a cell of the matrix, the surest mistakes, the luckiest hits."""

from __future__ import annotations

import numpy as np
import streamlit as st

from fmnist_core.dataset import CLASS_NAMES
from pages.parts import evaluation_state as state
from pages.parts import gallery, one_picture
from pages.parts.evaluation_state import ANY
from pages.parts.measured import Measured
from pages.parts.one_picture import OPENED

TRUE, PREDICTED = state.key("true"), state.key("predicted")
_CHOICES = (ANY, *CLASS_NAMES)
_PER_PAGE = 60
_FIRST = 5
SUREST_MISTAKES, LUCKIEST_HITS = "Surest mistakes", "Luckiest hits"


def choose_classes(true: int | None, predicted: int | None) -> None:
    """Move the two controls; None stands for any class."""
    st.session_state[TRUE] = ANY if true is None else CLASS_NAMES[true]
    st.session_state[PREDICTED] = ANY if predicted is None else CLASS_NAMES[predicted]
    st.session_state[OPENED] = None


def chosen_classes() -> tuple[int | None, int | None]:
    """What the two controls say: true and predicted class, None for any."""
    values = (st.session_state.get(key, ANY) for key in (TRUE, PREDICTED))
    true, predicted = (CLASS_NAMES.index(value) if value in CLASS_NAMES else None for value in values)
    return true, predicted


def find(measured: Measured, true: int | None, predicted: int | None, hits: bool = False) -> np.ndarray:
    """Places of the pictures of a cell, the one the model was surest of first.

    Parameters
    ----------
    measured : Measured
    true, predicted : int or None
        Classes. With both given it is exactly that cell; with one or none, all mistakes that match.
    hits : bool
        Right answers instead of mistakes, the least sure first.
    """
    report, labels = measured.report, measured.labels
    right = report.predictions == labels
    chosen = right.copy() if hits else ~right
    if true is not None and predicted is not None:
        chosen = np.ones(len(labels), dtype=bool)
    if true is not None:
        chosen &= labels == true
    if predicted is not None:
        chosen &= report.predictions == predicted
    found = np.flatnonzero(chosen)
    towards = report.confidences[found] if hits else -report.confidences[found]
    return found[np.argsort(towards, kind="stable")]


def show_first(measured: Measured) -> None:
    """The first few pictures of the chosen cell, to stand where it is chosen; `show_cell` shows and opens them all."""
    true, predicted = chosen_classes()
    found = find(measured, true, predicted)
    first = found[:_FIRST]
    more = "; all of them below" if len(found) > len(first) else ""
    st.markdown(f"**{_in_words(len(found), true, predicted)}**{more}")
    clicked = gallery.show(
        measured.images[measured.indices[first]],
        [f"{value:.2f}" for value in measured.report.confidences[first]],
        "mistakes.first",
        label="The first of them",
        descriptions=_descriptions(measured, first),
        size=52,  # so that they stand in one row on a phone
    )
    if clicked is not None:
        st.session_state[OPENED] = int(measured.indices[first[clicked]])


def _in_words(n: int, true: int | None, predicted: int | None) -> str:
    pictures = "picture" if n == 1 else "pictures"
    if true is None:
        return f"{n:,} mistakes" if predicted is None else f"{n:,} {pictures} wrongly called {CLASS_NAMES[predicted]}"
    said = "something else" if predicted is None else CLASS_NAMES[predicted]
    return f"{n:,} {CLASS_NAMES[true]} {pictures} called {said}"


def show_cell(measured: Measured, others: list[Measured]) -> None:
    """The pictures of the chosen cell, or of all mistakes."""
    st.header("The pictures behind the figures")
    _controls()
    true, predicted = chosen_classes()
    found = find(measured, true, predicted)
    what = "right answers" if true is not None and true == predicted else "mistakes"
    st.caption(f"{len(found):,} {what} among {measured.where}, the surest first.{_sureness(measured)}")
    show(measured, others, found, "cell")


def show_extremes(measured: Measured, others: list[Measured]) -> None:
    """The surest mistakes or the luckiest hits, by class if wanted."""
    kind = st.segmented_control(
        "Which pictures", (SUREST_MISTAKES, LUCKIEST_HITS), key="mistakes.kind", default=SUREST_MISTAKES, required=True,
        persist_state="session",
    )  # fmt: skip
    _controls()
    true, predicted = chosen_classes()
    hits = kind == LUCKIEST_HITS
    if true is not None and predicted is not None and hits != (true == predicted):
        st.info(
            "For hits choose the same class in both lists, for mistakes two different ones.", icon=":material/info:"
        )
        return
    found = find(measured, true, predicted, hits)
    what, first = ("right answers", "least sure") if hits else ("mistakes", "surest")
    st.caption(f"{len(found):,} {what} among {measured.where}, the {first} first.{_sureness(measured)}")
    show(measured, others, found, "extremes")


def _controls() -> None:
    for key in (TRUE, PREDICTED):
        st.session_state.setdefault(key, ANY)
    true, predicted, clear = st.columns([1, 1, 2], vertical_alignment="bottom")
    true.selectbox("What it is", _CHOICES, key=TRUE, persist_state="session")
    predicted.selectbox("What the model said", _CHOICES, key=PREDICTED, persist_state="session")
    if chosen_classes() != (None, None):
        clear.button(
            "All classes", icon=":material/filter_alt_off:", key="mistakes.all", on_click=choose_classes,
            args=(None, None),
        )  # fmt: skip


def _sureness(measured: Measured) -> str:
    if measured.is_probabilistic:
        return " The number is the probability it gave to its answer."
    return " This loss gives no probabilities: the number is the lead over its second choice."


def show(measured: Measured, others: list[Measured], found: np.ndarray, key: str) -> None:
    """Pictures, page by page; a click opens one.

    Parameters
    ----------
    measured : Measured
    others : list of Measured
        Further runs, whose probabilities stand beside an opened picture.
    found : ndarray of shape (k,)
        Places in the arrays of `measured`.
    key : str
        Tells several of these on one page apart.
    """
    n_pages = max(-(-len(found) // _PER_PAGE), 1)
    page = 1
    if n_pages > 1:
        # Another list starts at its first page: what it is a list of is part of the widget's name.
        classes = "-".join(map(str, chosen_classes()))
        page = st.pagination(n_pages, key=f"mistakes.page.{key}.{measured.run_id}.{measured.on}.{classes}.{len(found)}")
    shown = found[(page - 1) * _PER_PAGE : page * _PER_PAGE]
    report, positions = measured.report, measured.indices[shown]
    names = [(CLASS_NAMES[measured.labels[place]], CLASS_NAMES[report.predictions[place]]) for place in shown]
    sure = report.confidences[shown]
    opened = st.session_state.get(OPENED)
    clicked = gallery.show(
        measured.images[positions],
        [f"{true} → {said}, {value:.2f}" for (true, said), value in zip(names, sure, strict=True)],
        f"mistakes.gallery.{key}",
        label="Pictures",
        descriptions=_descriptions(measured, shown),
        chosen=int(np.flatnonzero(positions == opened)[0]) if opened in positions else None,
        size=64,
    )
    if clicked is not None:
        st.session_state[OPENED] = opened = int(positions[clicked])
    if opened is not None and opened < len(measured.images):
        one_picture.show(opened, [measured, *others])


def _descriptions(measured: Measured, places: np.ndarray) -> list[str]:
    """A sentence a picture, for its tooltip and for screen readers."""
    report, labels = measured.report, measured.labels
    return [
        f"{CLASS_NAMES[labels[place]]}, called {CLASS_NAMES[report.predictions[place]]} "
        f"({report.confidences[place]:.3f}); picture {measured.indices[place]}"
        for place in places
    ]

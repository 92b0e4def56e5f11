"""The test set, sealed until the visitor opens it on purpose."""

from __future__ import annotations

import streamlit as st

from pages.parts import one_picture
from pages.parts.measured import TEST, VALIDATION

_OPENED = "seal.opened"
_ON = "seal.on"


def is_open() -> bool:
    """Whether this visitor has opened the test set."""
    return bool(st.session_state.get(_OPENED, False))


def _open() -> None:
    st.session_state[_OPENED] = True


def show() -> None:
    """Say why it is sealed and offer to open it; once open, say what that means."""
    if is_open():
        st.caption(
            ":material/lock_open: **The test set is open** for this visit. Its figures stand beside validation, marked "
            "**test**. If you choose between runs by them, they stop being an honest forecast."
        )
        return
    st.caption(
        ":material/lock: **The test set is sealed.** Its 10,000 pictures forecast how a model does on pictures nobody "
        "has tuned it to, and only once: choose by validation, then open them for the run you settled on."
    )
    st.button("Open the test set", icon=":material/lock_open:", key="seal.open", on_click=_open)


def chosen() -> str:
    """What `choose` returned last: the pictures that the page is about."""
    return TEST if is_open() and st.session_state.get(_ON) == TEST else VALIDATION


def choose(validation: str = VALIDATION) -> str:
    """Which pictures a section is about: validation, or test once it is open.

    Parameters
    ----------
    validation : str
        What the pictures of the first choice are called; "out of fold" for a baseline.
    """
    if not is_open():
        return VALIDATION
    st.segmented_control(
        "Pictures",
        (VALIDATION, TEST),
        key=_ON,
        default=VALIDATION,
        required=True,
        persist_state="session",
        on_change=one_picture.close,  # its number would mean another picture
        format_func=lambda each: validation if each == VALIDATION else "test (opened)",
    )
    return chosen()

"""What this visitor has found so far: one quiet line at the end of every page, and what is still to do."""

from __future__ import annotations

import streamlit as st

from fmnist_core.runs import AnyRun

_FOUND, _OPENED = "found", "found.opened"
_MEASURED_ON = {"baseline": "out of fold", "network": "on validation"}
_TO_DO = {
    "pictures": "open a picture",
    "baseline": "see the baseline",
    "network": "see a network",
    "duel": "compare the two",
}


def note_picture(split: str, position: int) -> None:
    """A picture was opened in the explorer."""
    opened = st.session_state.setdefault(_OPENED, set())
    opened.add((split, position))
    _note("pictures", "1 picture opened" if len(opened) == 1 else f"{len(opened):,} pictures opened")


def note_run(run: AnyRun) -> None:
    """A finished run was seen; the best of its kind is remembered."""
    accuracy, kind = run.record.headline["accuracy"], run.settings.kind
    best = st.session_state.get(f"{_FOUND}.{kind}", 0.0)
    if accuracy >= best:
        st.session_state[f"{_FOUND}.{kind}"] = accuracy
        _note(kind, f"{kind} {accuracy:.4f} {_MEASURED_ON[kind]}")


def note_duel(outcome: str) -> None:
    """Two runs were compared, with this outcome in words."""
    _note("duel", outcome)


def _note(step: str, words: str) -> None:
    st.session_state.setdefault(_FOUND, {})[step] = words


def show() -> None:
    """The four steps of the lesson: what was found, or what is still to do."""
    found = st.session_state.get(_FOUND, {})
    steps = (
        f":material/check: {found[step]}" if step in found else f":material/radio_button_unchecked: {to_do}"
        for step, to_do in _TO_DO.items()
    )
    st.caption("**Found so far** · " + " · ".join(steps))

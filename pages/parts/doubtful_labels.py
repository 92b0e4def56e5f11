"""Labels that a baseline doubts: the given one beside the suggested one, most doubtful first."""

from __future__ import annotations

import numpy as np
import streamlit as st

from fmnist_core.dataset import CLASS_NAMES
from pages.parts import explored, picture_list, run_names
from pages.parts import explorer_state as state


def show() -> None:
    """Explain what doubtful means, count, and show the pictures."""
    st.markdown(
        "People gave these labels, and people err. A baseline judges each training picture by a model that had **not** "
        "seen it (out of fold). A label is **doubtful** when that model is as sure of another class as it usually is "
        "when that class is the label. (The method is called confident learning.) Doubtful is not wrong: often "
        "the model errs, not the label. Look, and judge."
    )
    record = explored.best_baseline()
    if record is None:
        picture_list.offer_baseline("No baseline has been run yet, so nothing can doubt a label.")
        return
    doubtful, labels = explored.doubtful(record.run_id, "train"), explored.split("train").labels
    st.pills(
        "Given label",
        CLASS_NAMES,
        key=state.key("classes"),
        selection_mode="multi",
        on_change=state.first_page,
        persist_state="session",
        help="Choose some to see only them; none chosen shows all.",
    )
    given = labels[doubtful.positions]
    classes = [CLASS_NAMES.index(name) for name in state.get("classes")]
    kept = np.flatnonzero(np.isin(given, classes)) if classes else np.arange(len(given))
    st.caption(
        f"{len(given):,} of {len(labels):,} labels are doubtful to {run_names.describe(record)}"
        + (f"; {len(kept):,} of them are shown" if classes else "")
        + ". Each caption: given label → suggested label, and the probability that the model gives to it."
    )
    captions = [
        f"{CLASS_NAMES[given[place]]} → {CLASS_NAMES[doubtful.suggested[place]]} {doubtful.probabilities[place]:.2f}"
        for place in kept
    ]
    picture_list.show_pictures("train", doubtful.positions[kept], key="doubtful", captions=captions)

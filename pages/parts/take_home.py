"""What a visitor takes home of a run: the model, the history, the code."""

from __future__ import annotations

import streamlit as st

from fmnist_core import Run
from pages.parts import curves


def show(run: Run) -> None:
    """Downloads; each is complete in itself."""
    st.subheader("Take it home")
    model, history = st.columns(2)
    model.download_button(
        "Trained model (.keras)",
        run.result.model,
        file_name=f"fashion_mnist_{run.run_id}.keras",
        mime="application/octet-stream",
        icon=":material/download:",
        on_click="ignore",
        help='Open it with `keras.saving.load_model("….keras")`.',
    )
    history.download_button(
        "Loss and accuracy by epoch (.csv)",
        curves.learning_table(run.result).to_csv(index=False).encode(),
        file_name=f"history_{run.run_id}.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
    )

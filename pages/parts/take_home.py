"""What a visitor takes home of a run: the code, the model, the history."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from fmnist_core.export import to_notebook, to_script
from fmnist_core.runs import NetworkRun
from pages.parts import curves


def show(run: NetworkRun) -> None:
    """Downloads, each complete in itself, and the code to read here."""
    st.subheader("Take it home")
    stopped = run.record.stopped_after is not None
    # The code trains to the end: a stopped training's figures are not what it prints.
    measured = None if stopped else run.record.headline
    script = to_script(run.settings, measured)
    name = f"fashion_mnist_{run.run_id}"
    st.markdown(
        "The code is plain Keras and needs nothing of this dashboard. "
        + (
            "It trains all epochs, where this run was stopped before."
            if stopped
            else "It prints this run's validation loss and accuracy again."
        )
    )
    with st.container(horizontal=True, gap="small"):
        _button("Script (.py)", script, f"{name}.py", "text/x-python", ":material/code:", "Run it with `python`.")
        _button(
            "Notebook (.ipynb)",
            lambda: to_notebook(run.settings, measured),
            f"{name}.ipynb",
            "application/x-ipynb+json",
            ":material/menu_book:",
            "The same code, one cell per step, for Jupyter or Colab.",
        )
        _button(
            "Trained model (.keras)",
            lambda: run.result.model,
            f"{name}.keras",
            "application/octet-stream",
            ":material/hub:",
            'Open it with `keras.saving.load_model("….keras")`.',
        )
        _button(
            "Loss and accuracy by epoch (.csv)",
            lambda: curves.learning_table(run.result).to_csv(index=False),
            f"history_{run.run_id}.csv",
            "text/csv",
            ":material/table:",
            "One row per epoch; epoch 0 is before training.",
        )
    with st.expander("Read the code", icon=":material/code:"):
        st.code(script, language="python", line_numbers=True)


def _button(
    label: str, data: str | Callable[[], str | bytes], file_name: str, mime: str, icon: str, explanation: str
) -> None:
    st.download_button(
        label,
        data,
        file_name=file_name,
        mime=mime,
        icon=icon,
        help=explanation,
        key=f"take_home.{file_name.rpartition('.')[2]}",
        on_click="ignore",
    )

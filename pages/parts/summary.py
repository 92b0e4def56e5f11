"""A run at a glance: its figures, its place among published ones, and the seal of the test set."""

from __future__ import annotations

import math

import streamlit as st

from pages.parts import csv_button, ruler, seal
from pages.parts.measured import TEST, Measured, measure


def show(run_id: str) -> None:
    """Draw all of it."""
    shown = [measure(run_id), *([measure(run_id, TEST)] if seal.is_open() else [])]
    figures, scale = st.columns([1, 1.4], gap="large")
    with figures:
        for each in shown:
            _show_figures(each)
        seal.show()
    with scale:
        _show_ruler(shown)


def _show_figures(measured: Measured) -> None:
    """Accuracy with its uncertainty, loss, and top-2 accuracy, on one set of pictures."""
    report, mark = measured.report, " :orange-badge[test]" if measured.on == TEST else ""
    low, high = report.interval
    diverged = report.loss is not None and not math.isfinite(report.loss)
    with st.grid(2, min_column_width=130, gap="small") as grid:
        with grid.cell():
            st.metric(
                f"Accuracy{mark}",
                f"{report.accuracy:.4f}",
                help="The share of right answers. The 95% interval (Wilson's) says how far chance alone could have "
                "moved it.",
            )
            st.caption(f"95%: {low:.4f} to {high:.4f}")
        with grid.cell():
            st.metric(f"Right answers{mark}", f"{round(report.accuracy * report.n_pictures):,}")
            st.caption(f"of {measured.where}")
        st.metric(
            f"Loss{mark}",
            "none" if report.loss is None or diverged else f"{report.loss:.4f}",
            help="Cross-entropy: small when the right class got a high probability. Losses such as hinge give "
            "no probabilities, so there is none.",
        )
        st.metric(f"Top-2 accuracy{mark}", f"{measured.top_2:.4f}", help="The right class is among the first two.")
    if diverged:
        st.warning(
            "This training run diverged: its answers are no longer numbers. Try a smaller learning rate.",
            icon=":material/warning:",
        )


def _show_ruler(shown: list[Measured]) -> None:
    """The run among published accuracies, with a warning when it is too good to be true."""
    marks = [
        ruler.Mark(f"this run, {each.on_words}", each.report.accuracy, each.report.interval, each.where)
        for each in shown
    ]
    if max(mark.accuracy for mark in marks) > ruler.TOO_GOOD:
        st.warning(
            f"Better than the best published ({ruler.TOO_GOOD:.3f}): look for a mistake before celebrating. A common "
            "one is measuring on pictures that the model has learned from.",
            icon=":material/warning:",
        )
    st.plotly_chart(ruler.chart(marks), key="ruler", alt="The run's accuracy among published ones")
    st.markdown(f":small[{ruler.SOURCES}]")  # a caption would fade its links too
    csv_button.offer(lambda: ruler.to_table(marks), "ruler", "ruler.csv")

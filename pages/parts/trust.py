"""Can a run's own confidence be trusted? Confidence against accuracy, and answering only when sure."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from fmnist_core.calibration import Answering, Calibration, answer_only_when_sure, calibrate
from fmnist_core.intervals import wilson_interval
from pages.parts import csv_button, engine, theme
from pages.parts.measured import Measured


def calibration_table(calibration: Calibration) -> pd.DataFrame:
    """One row a bin of confidence."""
    return pd.DataFrame(
        {
            "confidence from": calibration.edges[:, 0],
            "confidence to": calibration.edges[:, 1],
            "mean confidence": calibration.confidence,
            "accuracy": calibration.accuracy,
            "95% from": calibration.intervals[:, 0],
            "95% to": calibration.intervals[:, 1],
            "pictures": calibration.n_pictures,
        }
    )


def calibration_chart(calibration: Calibration) -> go.Figure:
    """The reliability diagram: an honest model's dots lie on the diagonal; larger dots stand for more pictures."""
    figure = theme.chart("Does “80% sure” mean right 80% of the time?", height=380)
    figure.add_scatter(
        x=[0, 1], y=[0, 1], mode="lines", line={"dash": "dot", "color": theme.TRAINING}, name="honest", hoverinfo="skip"
    )
    n = calibration.n_pictures
    figure.add_scatter(
        x=calibration.confidence,
        y=calibration.accuracy,
        error_y={
            "type": "data",
            "array": calibration.intervals[:, 1] - calibration.accuracy,
            "arrayminus": calibration.accuracy - calibration.intervals[:, 0],
            "color": theme.VALIDATION,
            "thickness": 1,
        },
        mode="markers",
        marker={"size": 6 + 16 * np.sqrt(n / n.max()), "color": theme.VALIDATION},
        customdata=n,
        name="this run, with 95% intervals",
        hovertemplate="said %{x:.1%}, was right %{y:.1%}<br>%{customdata:,} pictures<extra></extra>",
    )
    figure.update_layout(
        hovermode="closest", legend={"x": 0.02, "y": 0.98, "xanchor": "left", "yanchor": "top", "orientation": "v"}
    )
    figure.update_xaxes(title="how sure it said it was", range=[0, 1.03], tickformat=".0%")
    figure.update_yaxes(title="how often it was right", range=[0, 1.05], tickformat=".0%")
    return figure


def answering_table(answering: Answering, n: int) -> pd.DataFrame:
    """One row a share of answered pictures."""
    return pd.DataFrame(
        {
            "share answered": answering.n_answered / n,
            "pictures answered": answering.n_answered,
            "accuracy": answering.accuracy,
            "confidence at least": answering.threshold,
        }
    )


def answering_chart(answering: Answering, n: int, chosen: tuple[float, float] | None) -> go.Figure:
    """Accuracy against the share of pictures answered.

    Parameters
    ----------
    answering : Answering
    n : int
        Pictures in all.
    chosen : tuple of float, optional
        Share and accuracy of the point that is marked.
    """
    figure = theme.chart("What if only the surest were answered?", height=380)
    figure.add_scatter(
        x=answering.n_answered / n,
        y=answering.accuracy,
        mode="lines",
        line={"color": theme.VALIDATION},
        hovertemplate="%{x:.0%} answered: accuracy %{y:.4f}<extra></extra>",
        showlegend=False,
    )
    if chosen is not None:
        figure.add_scatter(
            x=[chosen[0]],
            y=[chosen[1]],
            mode="markers",
            marker={"size": 13, "color": theme.ACCENT, "symbol": "diamond"},
            hoverinfo="skip",
            showlegend=False,
        )
    figure.update_layout(hovermode="closest")
    figure.update_xaxes(title="share of pictures answered, the surest first", range=[0, 1.03], tickformat=".0%")
    figure.update_yaxes(title="accuracy among those", tickformat=".2f")
    return figure


@st.fragment
def show(measured: Measured) -> None:
    """Both diagrams and the threshold slider."""
    report = measured.report
    right = report.predictions == measured.labels
    st.markdown(
        f"**Top-2 accuracy {measured.top_2:.4f}**: this is how often the right class is among its first two choices; "
        f"its first alone is right for {report.accuracy:.4f}. On {measured.where}."
    )
    if not np.isfinite(report.confidences).all():
        st.warning("This training diverged: its answers are not numbers, so there is nothing to trust.")
        return
    honest, sure = st.columns(2, gap="large")
    with honest:
        _show_calibration(measured, right)
    with sure:
        _show_answering(measured, right)


def _show_calibration(measured: Measured, right: np.ndarray) -> None:
    report = measured.report
    if not measured.is_probabilistic:
        loss = engine.baseline_run(measured.run_id).result.loss_name
        st.info(
            f"The loss **{loss}** gives scores, not probabilities. They rank the classes, but none says how "
            "often it is right: there is no reliability diagram. Use log_loss or modified_huber for one.",
            icon=":material/info:",
        )
        return
    calibration = calibrate(right, report.confidences)
    st.plotly_chart(calibration_chart(calibration), key="trust.calibration", alt="Confidence against accuracy")
    said = report.confidences.mean()
    words = "too sure of itself" if said > report.accuracy else "too modest"
    st.markdown(
        f"**Expected calibration error {calibration.expected_error:.4f}**: on average, what it says and what is true "
        f"lie {100 * calibration.expected_error:.1f} percentage points apart. It says it is {said:.1%} sure and is "
        f"right {report.accuracy:.1%} of the time: "
        f"{words if abs(said - report.accuracy) > 0.01 else 'about right on the whole'}."
    )
    csv_button.offer(
        lambda: calibration_table(calibration), f"calibration_{measured.run.run_id}", "trust.calibration.csv"
    )


def _show_answering(measured: Measured, right: np.ndarray) -> None:
    confidences, n = measured.report.confidences, len(right)
    answering = answer_only_when_sure(right, confidences)
    chart = st.container()
    if measured.is_probabilistic:
        threshold = st.slider(
            "Answer only when at least this sure", 0.0, 1.0, 0.8, 0.01, key="trust.threshold", persist_state="session"
        )
        answered = confidences >= threshold
    else:
        share = st.slider(
            "Answer this share, the largest leads first",
            0.01,
            1.0,
            0.8,
            0.01,
            key="trust.share",
            persist_state="session",
        )
        threshold = float(np.quantile(confidences, 1 - share))
        answered = confidences >= threshold
    n_answered = int(answered.sum())
    if n_answered == 0:
        st.markdown("It is never that sure: no picture would be answered.")
    n_right = int(right[answered].sum())
    chart.plotly_chart(
        answering_chart(answering, n, (n_answered / n, n_right / n_answered) if n_answered else None),
        key="trust.answering",
        alt="Accuracy against the share of pictures answered",
    )
    if not n_answered:
        return
    low, high = wilson_interval(n_right, n_answered)
    st.markdown(
        f"It would answer **{n_answered / n:.1%}** of the pictures ({n_answered:,} of {n:,}) and be right on "
        f"**{n_right / n_answered:.2%}** of those (95%: {low:.2%} to {high:.2%}); {n - n_answered:,} are left to "
        "somebody else."
    )
    csv_button.offer(lambda: answering_table(answering, n), f"answering_{measured.run.run_id}", "trust.answering.csv")

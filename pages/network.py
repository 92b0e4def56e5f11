"""The neural network: choose, train, watch it learn."""

import pandas as pd
import streamlit as st

from fmnist_core import NetworkSettings
from fmnist_core.progress import Progress
from fmnist_core.settings import Settings
from pages.parts import curves, engine, job_panel, settings_form


def draw_curves(table: pd.DataFrame, epochs: int) -> None:
    """Loss and accuracy side by side."""
    for column, measure in zip(st.columns(2), ("loss", "accuracy"), strict=True):
        with column:
            st.plotly_chart(curves.learning_chart(table, measure, epochs), key=measure, alt=f"{measure} by epoch")


def draw_progress(settings: Settings, progress: Progress) -> None:
    """The epochs that are done."""
    if progress.rows:
        draw_curves(pd.DataFrame(progress.rows), progress.total)


def draw_run(run_id: str) -> None:
    """The whole training and where it ended."""
    run = engine.run(run_id)
    result = run.result
    accuracy, loss, parameters, seconds = st.columns(4)
    n = len(result.validation_indices)
    accuracy.metric("Validation accuracy", f"{result.validation_accuracy:.4f}", help=f"On {n:,} held-out pictures.")
    loss.metric("Validation loss", f"{result.validation_loss:.4f}")
    parameters.metric("Parameters", f"{result.n_parameters:,}")
    seconds.metric("Seconds", f"{run.record.seconds:.1f}")
    draw_curves(curves.learning_table(result.history), run.settings.epochs)


settings_form.arrive(NetworkSettings)
st.title("Neural network: train it, watch it learn")
controls, results = st.columns([1, 2], gap="large")
with controls:
    settings = settings_form.show(
        NetworkSettings,
        {
            "": ["epochs", "validation_share", "hidden_units"],
            "Layers": ["activation", "dropout", "convolution_filters", "batch_normalization", "flips"],
            "Learning": ["optimizer", "learning_rate", "schedule", "batch_size", "patience"],
            "Data": ["split", "seed"],
        },
    )
with results:
    job_panel.show(
        settings,
        verb="Train",
        draw_progress=draw_progress,
        draw_run=draw_run,
        invitation="Press **Train**: the lesson's network takes about three seconds.",
    )

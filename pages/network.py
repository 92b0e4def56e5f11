"""The neural network: choose, train, watch it learn."""

import pandas as pd
import streamlit as st

from fmnist_core import NetworkSettings
from fmnist_core.progress import Progress
from fmnist_core.settings import Settings
from pages.parts import curves, engine, glossary, job_panel, learned, network_plan, settings_form, take_home

GROUPS = {
    "": ["epochs", "validation_share", "hidden_units"],
    "Layers": ["activation", "dropout", "convolution_filters", "batch_normalization", "flips"],
    "Learning": ["optimizer", "learning_rate", "schedule", "batch_size", "patience"],
    "Data": ["split", "seed"],
}


def draw_curves(table: pd.DataFrame, epochs: int) -> None:
    """Loss and accuracy side by side, and what they say."""
    for column, measure in zip(st.columns(2), ("loss", "accuracy"), strict=True):
        with column:
            st.plotly_chart(curves.learning_chart(table, measure, epochs), key=measure, alt=f"{measure} by epoch")
    verdict = curves.read(table)
    if verdict:
        st.markdown(f":material/lightbulb: {verdict}")


def draw_progress(settings: Settings, progress: Progress) -> None:
    """The epochs that are done."""
    draw_curves(pd.DataFrame(progress.rows), progress.total)


def draw_run(run_id: str) -> None:
    """The whole training, where it ended, what it learned, and how to take it home."""
    run = engine.run(run_id)
    result = run.result
    report = engine.held_out_report(run_id)
    accuracy, loss, parameters, seconds = st.columns(4)
    n = len(result.validation_indices)
    accuracy.metric(
        "Validation accuracy",
        f"{result.validation_accuracy:.4f}",
        help=f"On {n:,} held-out pictures. Before the first epoch it was {result.untrained_accuracy:.3f}: chance.",
    )
    accuracy.caption(f"95 %: {report.interval[0]:.3f} to {report.interval[1]:.3f}, on {n:,} pictures")
    loss.metric("Validation loss", f"{result.validation_loss:.4f}", help="Cross-entropy on the same pictures.")
    parameters.metric("Parameters", f"{result.n_parameters:,}")
    seconds.metric("Seconds", f"{run.record.seconds:.1f}", help="On the worker, with measuring and keeping the result.")
    if result.kept_epoch < len(result.history["loss"]):
        st.caption(f"Stopped early: the weights of epoch {result.kept_epoch} were the best, and are the ones kept.")
    draw_curves(curves.learning_table(result), run.settings.epochs)
    st.page_link(
        "evaluation.py",
        label="See the pictures behind these figures",
        icon=":material/arrow_forward:",
        query_params={"run": run_id},
    )
    learned.show(run)
    take_home.show(run)


settings_form.arrive(NetworkSettings)
st.title("Neural network: build it, train it, watch it learn")
st.markdown(
    "A network turns 784 pixels into ten probabilities, one for each class. Its **weights** start at random; after "
    "each **batch** of pictures they move a little to make the right answers likelier. One pass over all training "
    "pictures is an **epoch**. Some pictures are held out: only they can tell what was learned, not memorised."
)
controls, results = st.columns([1, 2], gap="large")
with controls:
    network_plan.choose_preset()
    settings = settings_form.show(NetworkSettings, GROUPS)
with results:
    network_plan.show(settings, engine.store().records(), folded=job_panel.has_begun(settings))
    job_panel.show(
        settings,
        verb="Train",
        draw_progress=draw_progress,
        draw_run=draw_run,
        invitation="Press **Train**: the lesson's network takes about three seconds.",
    )
glossary.show("layer", "softmax", "cross-entropy", "epoch", "batch", "optimiser", "validation set", "overfitting")

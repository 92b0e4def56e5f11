"""The neural network: choose, train, watch it learn."""

import pandas as pd
import streamlit as st

from fmnist_core import NetworkSettings
from fmnist_core.progress import Progress
from fmnist_core.runs import identify
from pages.parts import (
    compare,
    curves,
    engine,
    found,
    glossary,
    job_panel,
    learned,
    network_plan,
    run_picker,
    settings_form,
    splits,
    take_home,
)

GROUPS = {
    "": ["epochs", "validation_share", "hidden_units"],
    "Layers": ["activation", "dropout", "convolution_filters", "batch_normalization", "flips"],
    "Learning": ["optimizer", "learning_rate", "schedule", "batch_size", "patience"],
    "Data": ["split", "seed"],
}


def draw_curves(table: pd.DataFrame, settings: NetworkSettings, under_way: bool = False) -> None:
    """Loss and accuracy side by side, and what they say."""
    for column, measure in zip(st.columns(2), ("loss", "accuracy"), strict=True):
        with column:
            chart = curves.learning_chart(table, measure, settings.epochs)
            st.plotly_chart(chart, key=measure, alt=f"{measure} by epoch")
    verdict = curves.read(table, settings, under_way)
    if verdict:
        st.markdown(f":material/lightbulb: {verdict}")


def draw_progress(settings: NetworkSettings, progress: Progress) -> None:
    """The epochs that are done."""
    draw_curves(pd.DataFrame(progress.rows), settings, under_way=True)


def draw_run(run_id: str) -> None:
    """The whole training, where it ended, what it learned, and how to take it home."""
    run = engine.network_run(run_id)
    found.note_run(run)
    result = run.result
    report = engine.held_out_report(run_id)
    n = len(result.validation_indices)
    with st.grid(4, min_column_width=130, gap="small") as grid:
        with grid.cell():
            st.metric(
                "Validation accuracy",
                f"{result.validation_accuracy:.4f}",
                help=f"Before the first epoch, untrained, it was {result.untrained_accuracy:.3f}.",
            )
            st.caption(f"95%: {report.interval[0]:.4f} to {report.interval[1]:.4f}, on {n:,} pictures")
        st.metric("Validation loss", f"{result.validation_loss:.4f}", help="Cross-entropy on the same pictures.")
        st.metric("Parameters", f"{result.n_parameters:,}")
        st.metric("Seconds", f"{run.record.seconds:.1f}", help="Including the final measuring.")
    if result.kept_epoch < len(result.history["loss"]):
        st.caption(f"Stopped early: the weights of epoch {result.kept_epoch} were the best, and are the ones kept.")
    draw_curves(curves.learning_table(result), run.settings)
    bar = run_picker.bar_to_beat(engine.store().records())
    st.page_link(
        "evaluation.py",
        label="See the pictures behind these figures",
        icon=":material/arrow_forward:",
        query_params={"run": run_id, **({"against": bar} if bar else {})},
    )
    learned.show(run)
    take_home.show(run)


brought = settings_form.arrive(NetworkSettings, beside=[compare.FIELD])
if brought is not None:
    compare.arrive(brought.get(compare.FIELD, ""))
st.title("Neural network: build it, train it, watch it learn")
st.markdown(
    "A network turns 784 pixels into ten probabilities, one for each class. Its **weights** start at random; after "
    "each **batch** of pictures they move a little to make the right answers likelier. One pass over all training "
    "pictures is an **epoch**. Some pictures are held out: only they can tell what was learned, not memorised."
)
glossary.show(
    "layer",
    "softmax",
    "cross-entropy",
    "epoch",
    "batch",
    "optimiser",
    "validation set",
    "overfitting",
    "convolution",
    "dropout",
)
records = engine.store().records()
controls, results = st.columns([1, 2], gap="large")
with controls:
    network_plan.choose_preset()
    settings = settings_form.show(NetworkSettings, GROUPS, beside=compare.query())
run_id = identify(settings, engine.data_digest())
seconds = network_plan.estimate_seconds(settings, records)
begun = job_panel.has_begun(settings)
with results:
    network_plan.show_size(settings, seconds if job_panel.can_start(settings) else None)
    job_panel.show_button(
        settings,
        verb="Train",
        invitation="Press **Train** and watch. You can stop it at any time and keep what it has learned.",
    )
    if not begun:
        network_plan.show_layers(settings, folded=False)
    job_panel.show_outcome(settings, lambda _, progress: draw_progress(settings, progress), draw_run)
    if begun:  # below, so that Stop stands where Train was
        network_plan.show_layers(settings, folded=True)
compare.show(run_id)
splits.show(settings, records)
st.page_link("evaluation.py", label="Next: what the network gains over the baseline", icon=":material/arrow_forward:")

"""The baseline: a linear classifier, cross-validated, that a network has to beat."""

import streamlit as st

from fmnist_core import BaselineSettings, cost
from fmnist_core.progress import Progress
from fmnist_core.runs import identify
from fmnist_core.settings import Settings
from pages.parts import csv_button, engine, folds, found, job_panel, passes, settings_form, weights


def draw_progress(settings: Settings, progress: Progress) -> None:
    """The folds that are done."""
    rows = progress.rows
    table = folds.to_table(
        [row["accuracy"] for row in rows],
        [row["seconds"] for row in rows],
        [int(row["iterations"]) for row in rows],
    )
    dummy = folds.dummy(progress.total, settings.seed)
    st.plotly_chart(folds.chart(table, progress.total, dummy), key="folds", alt="Accuracy of each fold so far")


def draw_run(run_id: str) -> None:
    """All folds, their mean and spread, and the lesson's figure beside it."""
    run = engine.baseline_run(run_id)
    found.note_run(run)
    result = run.result
    table = folds.to_table(result.fold_accuracies, result.fold_seconds, result.fold_iterations)
    low, high = engine.held_out_report(run_id).interval
    mean, spread, lesson = st.columns(3)
    mean.metric(
        "Mean accuracy, out of fold",
        f"{result.mean_accuracy:.4f}",
        help="Out of fold: each of the 60,000 training pictures was held out once, so each was judged by a model that "
        f"had not seen it. In full: {result.mean_accuracy!r}.",
    )
    mean.caption(f"95%: {low:.4f} to {high:.4f}, on 60,000 pictures")
    spread.metric(
        "Spread of the folds",
        f"±{table['accuracy'].std():.4f}",
        help="Standard deviation over the folds: how much the figure depends on which pictures are held out.",
    )
    spread.caption(f"lowest {table['accuracy'].min():.4f}, highest {table['accuracy'].max():.4f}")
    lesson.metric("The lesson's figure", f"{folds.LESSON_MEAN:.4f}")
    lesson.caption("max_iter 5, five folds, seed 42")
    dummy = folds.dummy(len(table), run.settings.seed)
    st.plotly_chart(folds.chart(table, len(table), dummy), key="folds", alt="Accuracy of each fold")
    st.markdown(folds.convergence(result.fold_iterations, run.settings.max_iter))
    if not result.has_probabilities:
        st.markdown(f"The loss **{result.loss_name}** gives scores but no probabilities, so there is no cross-entropy.")
    if not run.settings.scaling:
        st.markdown(folds.without_scaling(run, engine.store().records()))
    st.dataframe(
        table,
        hide_index=True,
        key="fold_table",
        alt="The folds",
        column_config={
            "accuracy": st.column_config.NumberColumn(format="%.4f"),
            "seconds": st.column_config.NumberColumn(
                format="%.1f", help="By the clock: training on the other folds, and scoring the pictures of this one."
            ),
            "passes used": st.column_config.NumberColumn(f"passes used, of {run.settings.max_iter}"),
        },
    )
    st.caption(
        "Seconds are by the clock, training and scoring. After the folds came one last training on all 60,000 "
        f"pictures: {result.final_seconds:.1f} s. In all: {run.record.seconds:.1f} s."
    )
    csv_button.offer(lambda: table, f"folds_{run_id}", "folds.csv")
    st.page_link(
        "evaluation.py",
        label="See the pictures behind this figure",
        icon=":material/arrow_forward:",
        query_params={"run": run_id},
    )


settings_form.arrive(BaselineSettings)
st.title("Baseline: how far does a simple rule get?")
st.markdown(
    "Before a network, set the bar. This classifier weighs each of the 784 pixels once for each class and adds up; "
    "nothing is hidden. **Cross-validation** cuts the 60,000 training pictures into folds: each fold is held out "
    "once, while the others are learned from. The mean over the folds is the figure to beat."
)
controls, results = st.columns([1, 2], gap="large")
with controls:
    settings = settings_form.show(
        BaselineSettings, {"": ["max_iter", "folds"], "More choices": ["loss", "alpha", "scaling", "seed"]}
    )
with results:
    job_panel.show_button(
        settings,
        verb="Run the baseline",
        invitation="Press **Run the baseline** and watch the folds come in. This takes about "
        f"{cost.in_words(cost.expected_seconds(settings))} on two cores.",
    )
    job_panel.show_outcome(settings, draw_progress, draw_run)
passes.show(settings)
run_id = identify(settings, engine.data_digest())
if run_id in engine.store():
    weights.show(engine.baseline_run(run_id))
st.page_link("network.py", label="Next: train a neural network", icon=":material/arrow_forward:")

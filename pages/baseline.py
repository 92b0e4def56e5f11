"""The baseline: a linear classifier, cross-validated, that a network has to beat."""

import streamlit as st

from fmnist_core import BaselineSettings
from fmnist_core.progress import Progress
from fmnist_core.settings import Settings
from pages.parts import curves, engine, job_panel, settings_form


def draw_progress(settings: Settings, progress: Progress) -> None:
    """The folds that are done."""
    rows = progress.rows
    table = curves.fold_table(
        [row["accuracy"] for row in rows],
        [row["seconds"] for row in rows],
        [int(row["iterations"]) for row in rows],
    )
    st.plotly_chart(curves.fold_chart(table, progress.total), key="folds", alt="Accuracy of each fold so far")


def draw_run(run_id: str) -> None:
    """All folds, their mean and spread, and the lesson's figure beside it."""
    run = engine.run(run_id)
    result = run.result
    table = curves.fold_table(result.fold_accuracies, result.fold_seconds, result.fold_iterations)
    mean, lesson, spread = st.columns(3)
    mean.metric(
        "Mean accuracy, out of fold",
        f"{result.mean_accuracy:.4f}",
        help=f"{result.mean_accuracy!r}: each of the 60,000 training pictures was held out once.",
    )
    spread.metric(
        "Spread of the folds",
        f"±{table['accuracy'].std():.4f}",
        help="Standard deviation over the folds: how much the figure depends on which pictures are held out.",
    )
    lesson.metric("The lesson's figure", f"{curves.LESSON_BASELINE:.4f}")
    st.plotly_chart(curves.fold_chart(table, len(table)), key="folds", alt="Accuracy of each fold")
    st.dataframe(table, hide_index=True, key="fold_table")


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
    job_panel.show(
        settings,
        verb="Run the baseline",
        draw_progress=draw_progress,
        draw_run=draw_run,
        invitation="Press **Run the baseline**: five folds take about 20 seconds.",
    )

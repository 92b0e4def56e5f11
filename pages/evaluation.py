"""The evaluation: how good is a run, and on which pictures does it fail?"""

import re

import numpy as np
import pandas as pd
import streamlit as st

from fmnist_core import FMNISTError, Report, RunRecord
from fmnist_core.dataset import CLASS_NAMES
from pages.parts import address, confusion, engine, gallery, ruler, runs_table

N_MISTAKES = 60
ANY = "any class"
CLASS_CHOICES = (ANY, *CLASS_NAMES)


def arrive(records: list[RunRecord]) -> None:
    """Choose the run, and the cell of the matrix, that the address names; say what is wrong with it if anything is."""
    query = address.news("evaluation")
    if query is None:
        return
    problems = []
    known = {record.run_id for record in records}
    for name, text in query.items():
        if name == "run" and text in known:
            st.session_state["evaluation.run"] = text
        elif name in ("true", "predicted") and re.fullmatch("[0-9]", text):
            st.session_state[f"evaluation.{name}"] = CLASS_NAMES[int(text)]
        elif name == "run":
            problems.append(f"There is no run {text[:40]!r} here. Choose one below, or train one.")
        elif name in ("true", "predicted"):
            problems.append(f"{name} must be the number of a class, 0 to 9; got {text[:40]!r}.")
        else:
            problems.append(f"There is no {name[:40]!r} on this page. It knows run, true and predicted.")
    st.session_state["evaluation.problems"] = problems


def show_figures(report: Report, measured_on: str) -> None:
    """Accuracy with its uncertainty, and loss."""
    accuracy, loss, right = st.columns(3)
    low, high = report.interval
    accuracy.metric(
        f"Accuracy on {measured_on}",
        f"{report.accuracy:.4f}",
        help="The share of right answers. The interval says how far chance alone could have moved it.",
    )
    accuracy.caption(f"95 % interval: {low:.4f} to {high:.4f} (Wilson)")
    loss.metric(
        "Loss",
        "none" if report.loss is None else f"{report.loss:.4f}",
        help="Cross-entropy: small when the right class got a high probability. Losses such as hinge give "
        "no probabilities, so there is none.",
    )
    right.metric("Right answers", f"{round(report.accuracy * report.n_pictures):,} of {report.n_pictures:,}")
    if report.accuracy > ruler.TOO_GOOD:
        st.warning(
            f"Better than the best published ({ruler.TOO_GOOD:.3f}): look for a mistake before celebrating. A common "
            "one is measuring on pictures that the model has learned from.",
            icon=":material/warning:",
        )
    st.plotly_chart(
        ruler.chart(report.accuracy, report.interval), key="ruler", alt="The run's accuracy among published ones"
    )


def show_confusions(report: Report) -> None:
    """The matrix, the commonest confusions in words, and the classes, worst first."""
    st.subheader("What is taken for what")
    matrix, words = st.columns([1.5, 1], gap="large")
    with matrix:
        as_shares = st.toggle("Shares of each row", key="evaluation.shares", persist_state="session")
        event = st.plotly_chart(
            confusion.chart(report.confusion, as_shares),
            key="evaluation.matrix",
            on_select=choose_cell,
            selection_mode="points",
            alt="Confusion matrix: counts of pictures by true and predicted class",
        )
        del event  # read in choose_cell
        st.caption("Click a cell to see its pictures below.")
    with words:
        st.markdown("**The five commonest confusions**")
        for true, predicted, n in confusion.commonest(report.confusion):
            st.markdown(f"- {n} times a **{CLASS_NAMES[true]}** was called **{CLASS_NAMES[predicted]}**")
        st.markdown("**Class by class, worst first**")
        st.dataframe(
            pd.DataFrame(
                {
                    "class": CLASS_NAMES,
                    "precision": report.precision,
                    "recall": report.recall,
                    "F1": report.f1,
                    "pictures": report.support,
                }
            ).sort_values("F1"),
            hide_index=True,
            key="per_class",
            column_config={
                "precision": st.column_config.NumberColumn(
                    format="%.3f", help="When the model says this class: how often is it right?"
                ),
                "recall": st.column_config.NumberColumn(
                    format="%.3f", help="Of the pictures of this class: how many are found?"
                ),
                "F1": st.column_config.NumberColumn(format="%.3f", help="One figure for both: their harmonic mean."),
            },
        )


def choose_cell() -> None:
    """Take a click on the matrix over into the two controls below it."""
    points = st.session_state["evaluation.matrix"].selection.points
    if points:
        true, predicted = (int(value) for value in points[0]["customdata"][:2])
        st.session_state["evaluation.true"] = CLASS_NAMES[true]
        st.session_state["evaluation.predicted"] = CLASS_NAMES[predicted]


def show_pictures(report: Report, indices: np.ndarray) -> None:
    """Exactly the pictures of a cell, or all mistakes, most confident first."""
    st.subheader("The pictures behind the figures")
    true_control, predicted_control, _ = st.columns([1, 1, 2])
    true = true_control.selectbox("What it is", CLASS_CHOICES, key="evaluation.true", persist_state="session")
    predicted = predicted_control.selectbox(
        "What the model said", CLASS_CHOICES, key="evaluation.predicted", persist_state="session"
    )
    train = engine.dataset().train
    labels = train.labels[indices]
    chosen = np.ones(len(labels), dtype=bool)
    if true != ANY:
        chosen &= labels == CLASS_NAMES.index(true)
    if predicted != ANY:
        chosen &= report.predictions == CLASS_NAMES.index(predicted)
    if ANY in (true, predicted):
        chosen &= labels != report.predictions
    found = np.flatnonzero(chosen)
    found = found[np.argsort(-report.confidences[found], kind="stable")]
    what = "pictures" if true == predicted != ANY else "mistakes"
    st.caption(f"{len(found):,} {what}; the {min(len(found), N_MISTAKES)} that the model was surest of come first.")
    shown = found[:N_MISTAKES]
    sure = report.confidences[shown]
    captions = [
        f"{CLASS_NAMES[labels[place]]} → {CLASS_NAMES[report.predictions[place]]}, {confidence:.2f}"
        for place, confidence in zip(shown, sure, strict=True)
    ]
    clicked = gallery.show(train.images[indices[shown]], captions, "evaluation.gallery", label="Pictures", size=72)
    if clicked is not None:
        position = int(indices[shown[clicked]])
        st.page_link(
            "explorer.py",
            label=f"Open picture {position:,} in the explorer",
            icon=":material/zoom_in:",
            query_params={"sample": str(position)},
        )


st.title("Evaluation: how good is it, and where does it fail?")
records = engine.store().records()
arrive(records)
for problem in st.session_state.get("evaluation.problems", []):
    st.warning(problem, icon=":material/link_off:")
if engine.store().damaged:
    st.warning(
        f"{len(engine.store().damaged)} damaged run(s) were set aside and are not shown.",
        icon=":material/heart_broken:",
    )
if not records:
    st.info("There is no finished run yet. Run the baseline first: it takes about 20 seconds.", icon=":material/info:")
    st.page_link("baseline.py", label="Go to the baseline", icon=":material/arrow_forward:")
    st.page_link("network.py", label="Go to the neural network", icon=":material/arrow_forward:")
    st.stop()

st.markdown(
    "Every figure here was measured on pictures that the model had **not** learned from: the **validation** pictures "
    "of a network, or for the baseline each picture by the model whose fold held it out."
)
with st.expander(f"All {len(records)} finished runs", expanded=len(records) > 1):
    runs_table.show(records)
by_id = {record.run_id: record for record in records}
if st.session_state.get("evaluation.run") not in by_id:
    st.session_state["evaluation.run"] = records[0].run_id
run_id = st.selectbox(
    "Run to look at",
    list(by_id),
    key="evaluation.run",
    format_func=lambda each: f"{runs_table.describe(by_id[each])} ({by_id[each].headline['accuracy']:.4f})",
    persist_state="session",
)
for control in ("true", "predicted"):
    st.session_state.setdefault(f"evaluation.{control}", ANY)
try:
    report, indices = engine.held_out_report(run_id), engine.held_out_indices(run_id)
except FMNISTError as error:
    st.error(str(error), icon=":material/error:")
    st.stop()
baseline = by_id[run_id].settings.kind == "baseline"
n = f"{report.n_pictures:,}"
show_figures(report, f"{n} pictures out of fold" if baseline else f"{n} validation pictures")
show_confusions(report)
show_pictures(report, indices)

query = {"run": run_id}
for control in ("true", "predicted"):
    if st.session_state[f"evaluation.{control}"] != ANY:
        query[control] = str(CLASS_NAMES.index(st.session_state[f"evaluation.{control}"]))
address.write("evaluation", query)

"""The evaluation: how good is a run, on which pictures does it fail, and what did it buy over another?"""

import re

import streamlit as st

from fmnist_core import RunRecord
from fmnist_core.dataset import CLASS_NAMES
from pages.parts import (
    address,
    confusion,
    csv_button,
    duel,
    engine,
    mistakes,
    one_picture,
    own_picture,
    ruler,
    run_picker,
    seal,
    trust,
)
from pages.parts.measured import TEST, Measured, measure
from pages.parts.plain import plain

VIEW = "evaluation.view"
VIEWS = {
    "confusions": "What is taken for what",
    "mistakes": "Mistakes",
    "trust": "Trust",
    "duel": "Duel",
    "own": "Your own picture",
}


def arrive(records: list[RunRecord]) -> None:
    """Set the page by the address; say what is wrong with it if anything is."""
    query = address.news("evaluation")
    if query is None:
        return
    known = {record.run_id for record in records}
    problems = []
    for name, text in query.items():
        if name in ("run", "against") and text in known:
            st.session_state[f"evaluation.{name}"] = text
        elif name in ("true", "predicted") and re.fullmatch("[0-9]", text):
            st.session_state[f"evaluation.{name}"] = CLASS_NAMES[int(text)]
        elif name == "view" and text in VIEWS:
            st.session_state[VIEW] = text
        elif name == "picture" and re.fullmatch("[0-9]{1,5}", text) and int(text) < 60_000:
            st.session_state[one_picture.OPENED] = int(text)
        else:
            problems.append(refusal(name, text))
    st.session_state["evaluation.problems"] = problems
    address.take("evaluation")


def refusal(name: str, text: str) -> str:
    """What is wrong with a field of the address, and what is accepted."""
    accepted = {
        "true": "the number of a class, 0 to 9",
        "predicted": "the number of a class, 0 to 9",
        "view": f"one of {', '.join(VIEWS)}",
        "picture": "the number of a training picture, 0 to 59,999",
    }
    if name in ("run", "against"):
        return f"{engine.store().why_missing(text)} Choose one below, or train one."
    if name in accepted:
        return f"{name} must be {accepted[name]}; got {text[:40]!r}."
    return f"There is no {name[:40]!r} on this page. It knows run, against, view, true, predicted and picture."


def show_figures(measured: Measured) -> None:
    """Accuracy with its uncertainty, loss, and top-2 accuracy, on one set of pictures."""
    report, mark = measured.report, " :orange-badge[test]" if measured.on == TEST else ""
    low, high = report.interval
    with st.grid(2, min_column_width=130, gap="small") as grid:
        with grid.cell():
            st.metric(
                f"Accuracy{mark}",
                f"{report.accuracy:.4f}",
                help="The share of right answers. The interval says how far chance alone could have moved it.",
            )
            st.caption(f"95 %: {low:.4f} to {high:.4f} (Wilson)")
        with grid.cell():
            st.metric(f"Right answers{mark}", f"{round(report.accuracy * report.n_pictures):,}")
            st.caption(f"of {measured.where}")
        st.metric(
            f"Loss{mark}",
            "none" if report.loss is None else f"{report.loss:.4f}",
            help="Cross-entropy: small when the right class got a high probability. Losses such as hinge give "
            "no probabilities, so there is none.",
        )
        st.metric(f"Top-2 accuracy{mark}", f"{measured.top_2:.4f}", help="The right class is among the first two.")


def show_ruler(shown: list[Measured]) -> None:
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


def address_now(run_id: str, against: str | None, view: str) -> dict[str, str]:
    """What a link to this page carries."""
    query = {"run": run_id, **({"against": against} if against else {})}
    if view != "confusions":
        query["view"] = view
    if view in ("confusions", "mistakes"):
        for name, number in zip(("true", "predicted"), mistakes.chosen_classes(), strict=True):
            if number is not None:
                query[name] = str(number)
        opened = st.session_state.get(one_picture.OPENED)
        if opened is not None:
            query["picture"] = str(opened)
    return query


def show_way_to_a_run() -> None:
    """What to do while there is nothing to evaluate."""
    st.info("There is no finished run yet. Run the baseline first: it takes about 15 seconds.", icon=":material/info:")
    st.page_link("baseline.py", label="Go to the baseline", icon=":material/arrow_forward:")
    st.page_link("network.py", label="Go to the neural network", icon=":material/arrow_forward:")


def choose_runs(records: list[RunRecord]) -> tuple[str, str | None]:
    """The table of all runs, and the choice of the one to look at and of one to hold it against."""
    st.markdown(
        "Every figure here was measured on pictures that the model had **not** learned from: the **validation** "
        "pictures of a network, or for the baseline each picture by the model whose fold held it out."
    )
    # Open for those who come to look around, closed for those who were sent to one run.
    with st.expander(
        f"All {len(records)} finished runs",
        icon=":material/table_rows:",
        expanded=st.session_state.setdefault("evaluation.browse", "run" not in st.query_params),
    ):
        run_picker.show_table(records)
    run_id, against = run_picker.choose(records)
    if engine.store().is_prepared(run_id):
        made = next(record for record in records if record.run_id == run_id)
        st.caption(f":material/inventory_2: {run_picker.origin(made)}")
    return run_id, against


def show_summary(run_id: str) -> None:
    """The run's figures, its place among published ones, and the seal of the test set."""
    shown = [measure(run_id), *([measure(run_id, TEST)] if seal.is_open() else [])]
    figures, scale = st.columns([1, 1.4], gap="large")
    with figures:
        for each in shown:
            show_figures(each)
        seal.show()
    with scale:
        show_ruler(shown)


def choose_view() -> str:
    """Which of the views below the summary to see."""
    st.session_state.setdefault(VIEW, "confusions")
    chosen = st.segmented_control(
        "View", list(VIEWS), key=VIEW, required=True, format_func=VIEWS.__getitem__, persist_state="session",
        label_visibility="collapsed", width="stretch",
    )  # fmt: skip
    return chosen or "confusions"


def show_view(view: str, records: list[RunRecord], run_id: str, against: str | None) -> None:
    """One view of the run."""
    st.header(VIEWS[view], divider="gray")
    if view == "own":
        own_picture.show(records, run_id, against)
    elif view == "duel":
        duel.show(run_id, against)
    else:
        on = seal.choose()
        measured = measure(run_id, on)
        others = [measure(against, on)] if against else []
        if view == "trust":
            trust.show(measured)
        elif view == "mistakes":
            mistakes.show_extremes(measured, others)
        else:
            confusion.show(measured)
            mistakes.show_cell(measured, others)


st.title("Evaluation: how good is it, and where does it fail?")
records = engine.store().records()
arrive(records)
for problem in st.session_state.get("evaluation.problems", []):
    st.warning(plain(problem), icon=":material/link_off:")
if engine.store().damaged:
    st.warning(
        f"{len(engine.store().damaged)} damaged run(s) were set aside and are not shown.",
        icon=":material/heart_broken:",
    )
if records:
    run_id, against = choose_runs(records)
    show_summary(run_id)
    view = choose_view()
    show_view(view, records, run_id, against)
    address.write("evaluation", address_now(run_id, against, view))
else:
    show_way_to_a_run()

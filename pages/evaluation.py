"""The evaluation: how good is a run, on which pictures does it fail, and what did it buy over another?"""

import streamlit as st

from fmnist_core import BaselineSettings, RunRecord, cost
from pages.parts import (
    address,
    confusion,
    duel,
    engine,
    found,
    mistakes,
    own_picture,
    run_names,
    run_picker,
    seal,
    summary,
    trust,
)
from pages.parts import evaluation_state as state
from pages.parts.measured import TEST, measure
from pages.parts.plain import plain


def choose_runs(records: list[RunRecord]) -> tuple[str, str | None]:
    """The table of all runs, and the choice of the one to look at and of one to compare it with."""
    st.markdown(
        "Every figure here was measured on pictures that the model had **not** learned from: the **validation** "
        "pictures of a network, or for the baseline each picture by the model whose fold held it out."
    )
    with st.expander(f"All {len(records)} finished runs", icon=":material/table_rows:"):
        run_picker.show_table(records)
    run_id, against = run_picker.choose(records)
    if engine.store().is_prepared(run_id):
        made = next(record for record in records if record.run_id == run_id)
        st.caption(f":material/inventory_2: {run_names.origin(made)}")
    return run_id, against


def choose_view() -> str:
    """Which of the views below the summary to see."""
    st.session_state.setdefault(state.key("view"), "confusions")
    chosen = st.segmented_control(
        "View", list(state.VIEWS), key=state.key("view"), required=True, format_func=state.VIEWS.__getitem__,
        persist_state="session", label_visibility="collapsed", width="stretch",
    )  # fmt: skip
    return chosen or "confusions"


def show_view(view: str, records: list[RunRecord], run_id: str, against: str | None) -> None:
    """One view of the run."""
    if view == "own":
        own_picture.show(records, run_id, against)
    elif view == "duel":
        duel.show(run_id, against)
    else:
        on = seal.choose(measure(run_id).on_words)
        measured = measure(run_id, on)
        others = [measure(against, on)] if against else []
        if view == "trust":
            trust.show(measured)
        elif view == "mistakes":
            mistakes.show_extremes(measured, others)
        else:
            confusion.show(measured)
            mistakes.show_cell(measured, others)


def show_way_to_a_run() -> None:
    """What to do while there is nothing to evaluate."""
    takes = cost.in_words(cost.expected_seconds(BaselineSettings()))
    st.info(f"There is no finished run yet. Run the baseline first: it takes about {takes}.", icon=":material/info:")
    st.page_link("baseline.py", label="Go to the baseline", icon=":material/arrow_forward:")
    st.page_link("network.py", label="Go to the neural network", icon=":material/arrow_forward:")


state.arrive()
st.title("Evaluation: how good is it, and where does it fail?")
for problem in address.problems(state.PAGE):
    st.warning(plain(problem), icon=":material/link_off:")
records = engine.store().records()
damaged = len(engine.store().damaged)
if damaged:
    st.warning(f"{damaged} damaged run(s) were set aside and are not shown.", icon=":material/heart_broken:")
if records:
    run_id, against = choose_runs(records)
    found.note_run(engine.run(run_id))
    if against:
        found.note_run(engine.run(against))
        duel.show_in_one_line(run_id, against)
    summary.show(run_id)
    view = choose_view()
    show_view(view, records, run_id, against)
    state.write(run_id, against, of_training=seal.chosen() != TEST)
    st.page_link("network.py", label="Again: change one thing and train", icon=":material/replay:")
else:
    show_way_to_a_run()

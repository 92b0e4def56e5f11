"""All finished runs: the table, and the choice of one or two."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from fmnist_core import BaselineSettings, RunRecord
from pages.parts import evaluation_state as state
from pages.parts.evaluation_state import NOBODY
from pages.parts.run_names import KIND_NAMES, describe, differences, what_it_is

RUN, AGAINST = state.key("run"), state.key("against")


def to_table(records: Sequence[RunRecord]) -> pd.DataFrame:
    """One row a run: what it is, how well it did on pictures it had not seen, what it cost."""
    rows = []
    for record in records:
        headline = record.headline
        low, high = record.interval
        rows.append(
            {
                "show": ":material/visibility: Show",
                "kind": KIND_NAMES[record.settings.kind],
                "what": what_it_is(record),
                "accuracy": headline["accuracy"],
                "from": low,
                "to": high,
                "loss": headline["loss"],
                "pictures": headline["n_pictures"],
                "parameters": headline["n_parameters"],
                "seconds": record.seconds,
                "when": pd.Timestamp(record.created),
                "run id": record.run_id,
            }
        )
    return pd.DataFrame(rows)


def show_table(records: Sequence[RunRecord]) -> None:
    """Draw the table, with a filter; every column sorts by a click on its head."""
    kind_control, words_control = st.columns([1, 2])
    kind = kind_control.segmented_control(
        "Kind", ("All", *KIND_NAMES.values()), default="All", required=True, key="run_picker.kind",
    )  # fmt: skip
    words = words_control.text_input(
        "Filter",
        key="run_picker.words",
        placeholder="words that the run must have, e.g. hidden_units 100",
        max_chars=100,
    )
    shown = filter_records(records, kind or "All", words)
    if not shown:
        st.info("No run matches. Use fewer words, or another kind.", icon=":material/filter_alt_off:")
        return
    st.dataframe(
        to_table(shown),
        hide_index=True,
        key="runs_table",
        height=min(38 + 35 * len(shown), 320),
        alt="All finished runs",
        column_config={
            "show": st.column_config.ButtonColumn(
                "", key="run_picker.show", on_click=_take, args=([record.run_id for record in shown],), width="small"
            ),
            "kind": st.column_config.TextColumn("Kind"),
            "what": st.column_config.TextColumn(
                "What it is",
                help="The lesson or another ready-made network, and the settings that differ from it.",
                width="medium",
            ),
            "accuracy": st.column_config.NumberColumn(
                "Accuracy", format="%.4f", help="On pictures held out: validation, or out of fold for a baseline."
            ),
            "from": st.column_config.NumberColumn("95% from", format="%.4f", help="Wilson's interval, lower end."),
            "to": st.column_config.NumberColumn("95% to", format="%.4f", help="Wilson's interval, upper end."),
            "loss": st.column_config.NumberColumn(
                "Loss",
                format="%.4f",
                help="Cross-entropy; lower is better. Hinge and perceptron give no probabilities.",
            ),
            "pictures": st.column_config.NumberColumn(
                "Pictures", format="localized", help="How many pictures it was measured on."
            ),
            "parameters": st.column_config.NumberColumn("Parameters", format="localized"),
            "seconds": st.column_config.NumberColumn("Seconds", format="%.1f"),
            "when": st.column_config.DatetimeColumn("When", format="distance"),
            "run id": st.column_config.TextColumn("Run id", help="What stands in the address after run="),
        },
    )
    st.caption(f"{len(shown)} of {len(records)} runs. When room runs out, the oldest leave; shared ones last.")


def filter_records(records: Sequence[RunRecord], kind: str, words: str) -> list[RunRecord]:
    """The records of one kind ("All" for both) whose description has all the words."""
    wanted = words.lower().split()
    return [
        record
        for record in records
        if kind in ("All", KIND_NAMES[record.settings.kind]) and all(word in _searched(record) for word in wanted)
    ]


def _searched(record: RunRecord) -> str:
    return f"{describe(record)} {differences(record.settings)} {record.run_id}".lower()


def _take(run_ids: list[str]) -> None:
    click = st.session_state["run_picker.show"]
    if click is not None and 0 <= click.row < len(run_ids):
        st.session_state[RUN] = run_ids[click.row]


def bar_to_beat(records: Sequence[RunRecord]) -> str | None:
    """The lesson's baseline, which runs are compared with until something else is chosen; None without one."""
    return next((record.run_id for record in records if record.settings == BaselineSettings()), None)


def choose(records: Sequence[RunRecord]) -> tuple[str, str | None]:
    """Choose the run to look at, and one to hold it against or none: their run ids."""
    by_id = {record.run_id: record for record in records}

    def label(run_id: str) -> str:
        if run_id == NOBODY:
            return "no other run"
        return f"{describe(by_id[run_id])} ({by_id[run_id].headline['accuracy']:.4f})"

    if st.session_state.get(RUN) not in by_id:
        st.session_state[RUN] = records[0].run_id
    first, second = st.columns(2)
    run_id = first.selectbox("Run to look at", list(by_id), key=RUN, format_func=label, persist_state="session")
    others = [NOBODY, *(each for each in by_id if each != run_id)]
    wanted = st.session_state.get(AGAINST) if state.against_is_chosen() else bar_to_beat(records)
    st.session_state[AGAINST] = wanted if wanted in others else NOBODY
    against = second.selectbox(
        "Compare with", others, key=AGAINST, format_func=label, persist_state="session",
        on_change=state.choose_against,
        help="A second run, for the duel and beside each opened picture.",
    )  # fmt: skip
    return run_id, against or None

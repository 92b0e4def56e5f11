"""All finished runs: the table, and the choice of one or two."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from fmnist_core import RunRecord

KIND_NAMES = {"baseline": "Baseline", "network": "Network"}
RUN, AGAINST = "evaluation.run", "evaluation.against"
NOBODY = ""


def describe(record: RunRecord) -> str:
    """A run in a few words: its kind, and what differs from the lesson."""
    return f"{KIND_NAMES[record.settings.kind]}: {what_differs(record)}"


def what_differs(record: RunRecord) -> str:
    """The settings of a run that are not the lesson's, as an address has them."""
    changes = ", ".join(
        f"{name} {record.settings.domain(name).write(value) or 'none'}"
        for name, value in record.settings.differences().items()
    )
    stopped = f", stopped after {record.stopped_after:,} batches" if record.stopped_after is not None else ""
    return f"{changes or 'the lesson'}{stopped}"


def origin(record: RunRecord) -> str:
    """When and with what a run that came with the project was made."""
    versions = ", ".join(f"{name} {version}" for name, version in record.versions.items())
    return f"Prepared with the project on {record.created[:10]} ({record.machine}; {versions})."


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
                "differs": what_differs(record),
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
            "differs": st.column_config.TextColumn("What differs from the lesson", width="medium"),
            "accuracy": st.column_config.NumberColumn(
                "Accuracy", format="%.4f", help="On pictures held out: validation, or out of fold for a baseline."
            ),
            "from": st.column_config.NumberColumn("95 % from", format="%.4f", help="Wilson's interval, lower end."),
            "to": st.column_config.NumberColumn("95 % to", format="%.4f", help="Wilson's interval, upper end."),
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
    st.caption(f"{len(shown)} of {len(records)} runs. Runs are kept; nothing on this page deletes one.")


def filter_records(records: Sequence[RunRecord], kind: str, words: str) -> list[RunRecord]:
    """The records of one kind ("All" for both) whose description has all the words."""
    wanted = words.lower().split()
    return [
        record
        for record in records
        if kind in ("All", KIND_NAMES[record.settings.kind])
        and all(word in f"{describe(record)} {record.run_id}".lower() for word in wanted)
    ]


def _take(run_ids: list[str]) -> None:
    click = st.session_state["run_picker.show"]
    if click is not None and 0 <= click.row < len(run_ids):
        st.session_state[RUN] = run_ids[click.row]


def choose(records: Sequence[RunRecord]) -> tuple[str, str | None]:
    """Choose the run to look at, and one to hold it against or none: their run ids."""
    by_id = {record.run_id: record for record in records}

    def label(run_id: str) -> str:
        if run_id == NOBODY:
            return "no other run"
        return f"{describe(by_id[run_id])} ({by_id[run_id].headline['accuracy']:.4f})"

    if st.session_state.get(RUN) not in by_id:
        st.session_state[RUN] = records[0].run_id
    if st.session_state.get(AGAINST) not in by_id:
        st.session_state[AGAINST] = NOBODY
    first, second = st.columns(2)
    run_id = first.selectbox("Run to look at", list(by_id), key=RUN, format_func=label, persist_state="session")
    against = second.selectbox(
        "Hold it against", [NOBODY, *by_id], key=AGAINST, format_func=label, persist_state="session",
        help="A second run, for the duel and beside each opened picture.",
    )  # fmt: skip
    if against == run_id:
        against = NOBODY
    return run_id, against or None

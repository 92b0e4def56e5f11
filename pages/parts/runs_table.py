"""All finished runs: the table, and the choice of one."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from fmnist_core import RunRecord
from fmnist_core.evaluation import wilson_interval

KIND_NAMES = {"baseline": "Baseline", "network": "Network"}


def describe(record: RunRecord) -> str:
    """A run in a few words: its kind, and what differs from the lesson."""
    changes = ", ".join(
        f"{name} {record.settings.domain(name).write(value)}" for name, value in record.settings.differences().items()
    )
    stopped = ", stopped early" if record.stopped_after is not None else ""
    return f"{KIND_NAMES[record.settings.kind]}: {changes or 'the lesson'}{stopped}"


def to_table(records: Sequence[RunRecord]) -> pd.DataFrame:
    """One row a run: what it is, how well it did on pictures it had not seen, what it cost."""
    rows = []
    for record in records:
        headline = record.headline
        low, high = wilson_interval(round(headline["accuracy"] * headline["n_pictures"]), headline["n_pictures"])
        rows.append(
            {
                "run": describe(record),
                "accuracy": headline["accuracy"],
                "from": low,
                "to": high,
                "loss": headline["loss"],
                "pictures": headline["n_pictures"],
                "parameters": headline["n_parameters"],
                "seconds": record.seconds,
                "when": pd.Timestamp(record.created),
                "address": record.run_id,
            }
        )
    return pd.DataFrame(rows)


def show(records: Sequence[RunRecord]) -> None:
    """Draw the table; every column sorts by a click on its head."""
    st.dataframe(
        to_table(records),
        hide_index=True,
        key="runs_table",
        column_config={
            "run": st.column_config.TextColumn("Run: what differs from the lesson", width="large"),
            "accuracy": st.column_config.NumberColumn(
                "Accuracy", format="%.4f", help="On pictures held out: validation, or out of fold for a baseline."
            ),
            "from": st.column_config.NumberColumn("95 % from", format="%.4f", help="Wilson's interval, lower end."),
            "to": st.column_config.NumberColumn("95 % to", format="%.4f", help="Wilson's interval, upper end."),
            "loss": st.column_config.NumberColumn("Loss", format="%.4f", help="Cross-entropy; lower is better."),
            "pictures": st.column_config.NumberColumn("Measured on", format="%d pictures"),
            "parameters": st.column_config.NumberColumn("Parameters", format="localized"),
            "seconds": st.column_config.NumberColumn("Seconds", format="%.1f"),
            "when": st.column_config.DatetimeColumn("When", format="distance"),
        },
    )

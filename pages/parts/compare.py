"""Up to five finished networks: their curves in one picture, and the settings in which they differ."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from fmnist_core import NetworkSettings, RunRecord
from pages.parts import csv_button, curves, engine, run_names, theme

FIELD = "compare"  # in the address: the run ids, separated by commas
_MOST = 5
_OTHERS, _PROBLEM = "compare.others", "compare.problem"
_RUN_IDS = re.compile(r"[0-9a-f]{16}(,[0-9a-f]{16})*")
_COLOURS = (theme.VALIDATION, theme.ACCENT, theme.LESSON, "#cc79a7", "#e69f00")
_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "x")


def arrive(text: str) -> None:
    """Choose the runs that an address names; say what is wrong with it if anything is."""
    st.session_state.pop(_PROBLEM, None)
    run_ids = list(dict.fromkeys(text.split(","))) if _RUN_IDS.fullmatch(text) else []
    if (text and not run_ids) or len(run_ids) > _MOST:
        st.session_state[_PROBLEM] = (
            f"{FIELD} must be up to {_MOST} run ids of 16 digits, 0-9 and a-f, separated by commas."
        )
        run_ids = []
    known = {record.run_id for record in _networks()}
    unknown = [run_id for run_id in run_ids if run_id not in known]
    if unknown:
        st.session_state[_PROBLEM] = f"There is no network {', '.join(unknown)} here. It may have been made elsewhere."
    st.session_state[_OTHERS] = [run_id for run_id in run_ids if run_id in known]


def query() -> dict[str, str]:
    """The choice as an address carries it."""
    chosen = st.session_state.get(_OTHERS)
    return {FIELD: ",".join(chosen)} if chosen else {}


def to_table(records: Sequence[RunRecord]) -> pd.DataFrame:
    """One row a run: its number in the picture, the settings in which the runs differ, its figures."""
    rows = []
    for number, record in enumerate(records, start=1):
        accuracy, n = record.headline["accuracy"], record.headline["n_pictures"]
        low, high = record.interval
        row: dict[str, Any] = {"run": str(number)}
        for name in differing(records):
            text = record.settings.domain(name).write(getattr(record.settings, name))
            row[record.settings.label(name)] = text or "none"
        if any(each.stopped_after is not None for each in records):
            batches = record.stopped_after
            row["Stopped"] = "no" if batches is None else f"after {batches:,} batches"
        row |= {"accuracy": accuracy, "from": low, "to": high, "loss": record.headline["loss"], "pictures": n}
        rows.append(row | {"parameters": record.headline["n_parameters"], "seconds": record.seconds})
    return pd.DataFrame(rows)


def differing(records: Sequence[RunRecord]) -> list[str]:
    """The settings that are not the same in all of the runs."""
    return [name for name in NetworkSettings.names() if len({getattr(record.settings, name) for record in records}) > 1]


def curves_table(records: Sequence[RunRecord]) -> pd.DataFrame:
    """One row a run and epoch."""
    tables = []
    for number, record in enumerate(records, start=1):
        table = curves.learning_table(engine.network_run(record.run_id).result)
        table.insert(0, "run", str(number))
        tables.append(table[table["epoch"] > 0])
    return pd.concat(tables, ignore_index=True)


def chart(table: pd.DataFrame, measure: str, names: Sequence[str]) -> go.Figure:
    """Validation curves, a colour and a mark a run.

    Parameters
    ----------
    table : DataFrame
        From `curves_table`.
    measure : str
        "loss" or "accuracy".
    names : sequence of str
        What each run is, in words, for the hover.
    """
    figure = theme.chart(f"Validation {measure}, epoch by epoch", height=380)
    for place, name in enumerate(names):
        rows = table[table["run"] == str(place + 1)]
        figure.add_scatter(
            x=rows["epoch"],
            y=rows[f"val_{measure}"],
            name=str(place + 1),
            mode="lines+markers",
            line={"color": _COLOURS[place]},
            marker={"symbol": _SYMBOLS[place], "size": 8},
            hovertemplate=f"epoch %{{x}}: %{{y:.4f}}<extra>{place + 1}: {name}</extra>",
            showlegend=True,
        )
    longest = int(table["epoch"].max())
    figure.update_layout(hovermode="closest")
    figure.update_xaxes(title="epoch", range=[0.8, longest + 0.2], dtick=1 if longest <= 12 else 5)
    figure.update_yaxes(tickformat=".3f" if measure == "accuracy" else None)
    return figure


def show(current: str | None) -> None:
    """The choice of runs and, for two or more, the picture and the table.

    Parameters
    ----------
    current : str or None
        The run that the page shows, which is always the first; None while there is none.
    """
    st.subheader("Compare")
    networks = _networks()
    by_id = {record.run_id: record for record in networks}
    others = [record.run_id for record in networks if record.run_id != current]
    problem = st.session_state.get(_PROBLEM)
    if problem:
        st.warning(problem, icon=":material/link_off:")
    if not others:
        st.info(
            "Train a second network with other settings, and see both curves in one picture.",
            icon=":material/add_chart:",
        )
        return
    most = _MOST - 1 if current in by_id else _MOST
    # A run that was the other one a moment ago may be the page's own now.
    st.session_state[_OTHERS] = [each for each in st.session_state.get(_OTHERS, []) if each in others][:most]
    chosen = st.multiselect(
        "Compare this network with" if current in by_id else "Finished networks",
        others,
        key=_OTHERS,
        format_func=lambda run_id: f"{run_names.describe(by_id[run_id])} ({by_id[run_id].headline['accuracy']:.4f})",
        max_selections=most,
        placeholder=f"Choose up to {most} finished networks",
        persist_state="session",
    )
    records = [by_id[run_id] for run_id in ([current] if current in by_id else []) + chosen]
    if len(records) > 1:
        _draw(records)


def _draw(records: Sequence[RunRecord]) -> None:
    table = curves_table(records)
    names = [run_names.describe(record) for record in records]
    for column, measure in zip(st.columns(2, gap="medium"), ("accuracy", "loss"), strict=True):
        with column:
            title = f"Validation {measure} of the compared runs"
            st.plotly_chart(chart(table, measure, names), key=f"compare.{measure}", alt=title)
    st.markdown("**What differs**, and where each ended:")
    st.dataframe(
        to_table(records),
        hide_index=True,
        key="compare.table",
        alt="The compared runs and the settings in which they differ",
        column_config={
            "run": st.column_config.TextColumn("Run", width="small", pinned=True),
            "accuracy": st.column_config.NumberColumn("Accuracy", format="%.4f", help="On the validation pictures."),
            "from": st.column_config.NumberColumn("95% from", format="%.4f"),
            "to": st.column_config.NumberColumn("95% to", format="%.4f"),
            "loss": st.column_config.NumberColumn("Loss", format="%.4f", help="Cross-entropy; lower is better."),
            "pictures": st.column_config.NumberColumn(
                "Pictures", format="localized", help="How many validation pictures it was measured on."
            ),
            "parameters": st.column_config.NumberColumn("Parameters", format="localized"),
            "seconds": st.column_config.NumberColumn("Seconds", format="%.1f"),
        },
    )
    if {"validation_share", "split", "seed"} & set(differing(records)):
        st.caption("Not all were measured on the same pictures: small differences may come from the pictures alone.")
    csv_button.offer(lambda: table, "compared_networks", "compare.csv")
    st.page_link(
        "evaluation.py",
        label="Is the difference real? See the duel of 1 and 2",
        icon=":material/arrow_forward:",
        query_params={"run": records[0].run_id, "against": records[1].run_id, "view": "duel"},
    )


def _networks() -> list[RunRecord]:
    return [record for record in engine.store().records() if record.settings.kind == "network"]

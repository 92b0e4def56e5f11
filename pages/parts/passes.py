"""The curve over `max_iter`: does the baseline gain from more passes over the data?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from fmnist_core import BaselineSettings, RunRecord
from fmnist_core.runs import identify
from pages.parts import csv_button, engine, folds, run_series, theme

STEPS = (1, 2, 5, 10, 20, 50)


def series(settings: BaselineSettings) -> dict[str, BaselineSettings]:
    """The experiments of the curve by run id: `settings` with each number of passes."""
    each = (replace(settings, max_iter=step) for step in STEPS)
    return {identify(one, engine.data_digest()): one for one in each}


def to_table(records: Sequence[RunRecord]) -> pd.DataFrame:
    """One row a finished run, fewest passes first."""
    rows = []
    for record in sorted(records, key=lambda each: each.settings.max_iter):  # type: ignore[union-attr]
        low, high = record.interval
        rows.append(
            {
                "max_iter": record.settings.to_dict()["max_iter"],
                "accuracy": record.headline["accuracy"],
                "95% from": low,
                "95% to": high,
                "loss": record.headline["loss"],
                "seconds": record.seconds,
            }
        )
    return pd.DataFrame(rows, columns=["max_iter", "accuracy", "95% from", "95% to", "loss", "seconds"])


def chart(table: pd.DataFrame, now: int) -> go.Figure:
    """Accuracy against passes, with 95% intervals; the settings above are marked."""
    figure = theme.chart("Accuracy, out of fold, by passes over the data", height=340)
    marked = (table["max_iter"] == now).to_numpy()
    figure.add_scatter(
        x=table["max_iter"],
        y=table["accuracy"],
        error_y={
            "type": "data",
            "array": table["95% to"] - table["accuracy"],
            "arrayminus": table["accuracy"] - table["95% from"],
        },
        mode="lines+markers",
        line={"color": theme.VALIDATION},
        marker={"size": np.where(marked, 13, 8), "color": np.where(marked, theme.ACCENT, theme.VALIDATION)},
        hovertemplate="%{x} passes: %{y:.4f}<extra></extra>",
        showlegend=False,
    )
    figure.add_hline(
        y=folds.LESSON_MEAN,
        line={"dash": "dot", "color": theme.LESSON},
        annotation_text=f"the lesson: {folds.LESSON_MEAN:.4f}",
        annotation_position="bottom right",
    )
    figure.update_layout(hovermode="closest")
    figure.update_xaxes(type="log", tickvals=list(STEPS), title="max_iter", range=[-0.1, np.log10(70)])
    figure.update_yaxes(tickformat=".3f")
    return figure


def show(settings: BaselineSettings) -> None:
    """The button that queues what is missing, and the curve as far as it is known."""
    st.subheader("Does it gain from more passes?")
    wanted = series(settings)
    missing = ", ".join(str(one.max_iter) for run_id, one in wanted.items() if run_id not in engine.store())
    run_series.show(
        wanted,
        own=identify(settings, engine.data_digest()),
        verb="Draw the curve",
        invitation=f"Run the settings above with **max_iter {missing}** as well, and see the curve. Each run is kept.",
        draw=partial(_draw, settings),
        key="passes",
    )


def _draw(settings: BaselineSettings, kept: Sequence[RunRecord]) -> None:
    if len(kept) < 2:  # one point is no curve
        return
    table = to_table(kept)
    st.plotly_chart(chart(table, settings.max_iter), key="passes", alt="Accuracy by passes over the data")
    st.markdown(_in_words(table))
    csv_button.offer(lambda: table, "max_iter", "passes.csv")


def _in_words(table: pd.DataFrame) -> str:
    """What the curve says."""
    first, best = table.iloc[0], table.iloc[int(table["accuracy"].argmax())]
    gain = best["accuracy"] - first["accuracy"]
    jumps = (
        ""
        if table["accuracy"].is_monotonic_increasing
        else (" It is no smooth climb: after few passes the weights still stand where the last pictures pushed them.")
    )
    above = f", {100 * gain:.2f} percentage points above max_iter {first['max_iter']:.0f}" if gain > 0 else ""
    return (
        f"The best so far is max_iter {best['max_iter']:.0f} with {best['accuracy']:.4f}{above}. Every point was "
        f"measured on the same 60,000 pictures, out of fold; the bars are 95% intervals.{jumps}"
    )

"""The same network three times, with its validation pictures chosen at random, from the tail, and from sorted data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from fmnist_core import NetworkSettings, RunRecord, cost
from fmnist_core.dataset import CLASS_NAMES
from fmnist_core.preparation import hold_out
from fmnist_core.runs import identify
from pages.parts import curves, engine, network_plan, run_series, theme

_ALIKE = 0.01  # about twice the uncertainty of an accuracy on 12,000 pictures
_TITLES = {"random": "At random", "tail": "The last ones", "sorted": "The last ones of sorted data"}


def series(settings: NetworkSettings) -> dict[str, NetworkSettings]:
    """The three experiments by run id: `settings` with each way to split."""
    each = (replace(settings, split=split) for split in _TITLES)
    return {identify(one, engine.data_digest()): one for one in each}


@st.cache_data(max_entries=64, show_spinner=False)
def held_out_table(split: str, validation_share: float, seed: int) -> pd.DataFrame:
    """One row a class: how many of its 6,000 training pictures are learned from, how many are held out."""
    labels = engine.dataset().train.labels
    sides = hold_out(labels, NetworkSettings(split=split, validation_share=validation_share, seed=seed))
    return pd.DataFrame(
        {
            "class": CLASS_NAMES,
            "learned from": np.bincount(labels[sides.train_indices], minlength=10),
            "held out": np.bincount(labels[sides.validation_indices], minlength=10),
        }
    )


def held_out_chart(table: pd.DataFrame) -> go.Figure:
    """A bar a class: the share learned from, and the share held out."""
    figure = theme.chart("Share learned from and held out", height=300)
    total = table["learned from"] + table["held out"]
    for column, colour in (("learned from", theme.TRAINING), ("held out", theme.VALIDATION)):
        figure.add_bar(
            y=table["class"],
            x=table[column] / total,
            customdata=table[column],
            orientation="h",
            name=column,
            marker={"color": colour},
            hovertemplate="%{y}: %{customdata:,} pictures<extra>" + column + "</extra>",
        )
    figure.update_layout(barmode="stack", hovermode="closest")
    figure.update_xaxes(tickformat=".0%", range=[0, 1])
    figure.update_yaxes(autorange="reversed")
    return figure


def accuracy_chart(record: RunRecord) -> go.Figure:
    """Training and validation accuracy of one of the three, from 0 to 1 so that they can be compared."""
    table = curves.learning_table(engine.network_run(record.run_id).result)
    figure = curves.learning_chart(table[table["epoch"] > 0], "accuracy", record.settings.to_dict()["epochs"])
    figure.update_yaxes(range=[-0.03, 1.03], tickformat=".1f")
    figure.update_layout(height=280)
    return figure


def show(settings: NetworkSettings, records: Sequence[RunRecord]) -> None:
    """The question, the button, and the three side by side as far as they are known."""
    st.subheader("Which pictures to hold out? A classic trap")
    wanted = series(settings)
    missing = [one for run_id, one in wanted.items() if run_id not in engine.store()]
    seconds = sum(network_plan.estimate_seconds(one, records) for one in missing)
    run_series.show(
        wanted,
        own=identify(settings, engine.data_digest()),
        verb="Train it with each split",
        invitation="Keras' `validation_split` takes the **last** pictures. Is that as good as drawing them "
        "**at random**, and what if the data is **sorted by class**? Train the network above with each and see; "
        f"what is missing takes about {cost.in_words(seconds)}.",
        draw=partial(_draw, settings),
        key="splits",
    )


def _draw(settings: NetworkSettings, kept: Sequence[RunRecord]) -> None:
    by_split = {record.settings.to_dict()["split"]: record for record in kept}
    for column, (split, title) in zip(st.columns(3, gap="medium"), _TITLES.items(), strict=True):
        record = by_split.get(split)
        with column:
            st.markdown(f"**{title}**")
            if record is None:
                st.caption("Not trained yet.")
                continue
            n = f"{record.headline['n_pictures']:,}"
            st.metric("Validation accuracy", f"{record.headline['accuracy']:.4f}", help=f"On {n} held-out pictures.")
            st.plotly_chart(accuracy_chart(record), key=f"splits.curve.{split}", alt=f"Accuracy by epoch: {title}")
            held_out = held_out_table(split, settings.validation_share, settings.seed)
            st.plotly_chart(held_out_chart(held_out), key=f"splits.held_out.{split}", alt=f"Held out: {title}")
    if len(by_split) == len(_TITLES):
        st.markdown(in_words({split: record.headline["accuracy"] for split, record in by_split.items()}))


def in_words(accuracies: dict[str, float]) -> str:
    """What the three say together."""
    random, tail = accuracies["random"], accuracies["tail"]
    alike = "tell about the same" if abs(random - tail) < _ALIKE else "differ a little"
    return (
        f"**At random** ({random:.4f}) and **the last ones** ({tail:.4f}) {alike} here, but only because Fashion-MNIST "
        f"was shuffled before it was stored. **Sorted by class**, the last ones ({accuracies['sorted']:.4f}) are of "
        "classes of which the network was shown few pictures or none: it cannot name what it has not seen, and it has "
        "fewer classes to tell apart in training, where it looks better than it is. Your own data is often sorted, by "
        "class, by day, by patient: **shuffle before you split**."
    )

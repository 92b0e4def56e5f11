"""One picture, opened: what each chosen run says of it, and the training pictures most like it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from fmnist_core.dataset import CLASS_NAMES
from pages.parts import csv_button, engine, explored, gallery, run_names, theme
from pages.parts import evaluation_state as state
from pages.parts.measured import TEST, Measured

OPENED = state.key("picture")
LETTERS = "ABC"
_COLOURS = dict(zip(LETTERS, (theme.VALIDATION, theme.ACCENT, theme.LESSON), strict=True))


def answers_table(answers: dict[str, np.ndarray]) -> pd.DataFrame:
    """One row a class, one column a run: probabilities."""
    return pd.DataFrame(answers, index=pd.Index(CLASS_NAMES, name="class"))


def answers_chart(answers: dict[str, np.ndarray], truth: int | None) -> go.Figure:
    """Bars of probability by class, a colour a run; the true class is marked.

    Parameters
    ----------
    answers : dict of str to ndarray of shape (10,)
        Name of a run, which starts with its letter, and its probabilities.
    truth : int or None
        The true class where it is known.
    """
    figure = theme.chart(
        "Probability of each class",
        height=130 + 10 * (14 + 14 * len(answers)),
        margin={"l": 10, "r": 40, "t": 50, "b": 10},  # "100%" stands beyond the end of its bar
    )
    names = [f"<b>{name} (true)</b>" if place == truth else name for place, name in enumerate(CLASS_NAMES)]
    for name, probabilities in answers.items():
        colour = _COLOURS[name[0]]  # a run keeps its colour when another has nothing to say
        figure.add_bar(
            y=names,
            x=probabilities,
            name=name,
            orientation="h",
            marker={"color": colour},
            text=[f"{value:.0%}" if value >= 0.01 else "" for value in probabilities],
            textposition="outside",
            hovertemplate="%{y}: %{x:.2%}<extra>" + name + "</extra>",
            cliponaxis=False,
        )
    figure.update_layout(
        barmode="group",
        hovermode="closest",
        showlegend=True,  # of one run, too: another may have had nothing to say
        legend={"y": -0.08, "yanchor": "top", "x": 0, "xanchor": "left"},
    )
    figure.update_xaxes(range=[0, 1], tickformat=".0%")
    figure.update_yaxes(autorange="reversed")
    return figure


def close() -> None:
    """Forget the opened picture, so that the address forgets it too."""
    st.session_state[OPENED] = None


@st.dialog("One picture, and what the runs say of it", width="large", on_dismiss=close)
def show(position: int, runs: list[Measured]) -> None:
    """The picture, the probabilities of each run that had not learned from it, and its nearest neighbours.

    Parameters
    ----------
    position : int
        In the training or the test pictures, as the runs were measured.
    runs : list of Measured
        All on validation, or all on the test set.
    """
    on, dataset = runs[0].on, engine.dataset()
    split = dataset.test if on == TEST else dataset.train
    label = int(split.labels[position])
    picture, chart = st.columns([1, 2.4], gap="medium")
    with picture:
        st.markdown(f"**{CLASS_NAMES[label]}**  \npicture {position:,} of {'test' if on == TEST else 'train'}")
        ink = split.images[position] if st.context.theme.type == "dark" else 255 - split.images[position]
        enlarged = np.kron(ink, np.ones((7, 7), dtype=np.uint8))
        st.image(enlarged, width=196, alt=f"{CLASS_NAMES[label]}, enlarged")
        st.page_link(
            "explorer.py",
            label="Look at its pixels",
            icon=":material/zoom_in:",
            query_params={"sample": str(position), **({"split": "test"} if on == TEST else {})},
        )
        answers = _collect(position, runs)
    if answers:
        with chart:
            st.plotly_chart(answers_chart(answers, label), key="one_picture.answers", alt="Probabilities by class")
            csv_button.offer(lambda: answers_table(answers), f"picture_{position}", "one_picture.csv")
    st.markdown("**The training pictures most like it**, by the differences of their pixels")
    with st.spinner("Comparing it with all 60,000…"):
        nearest = explored.neighbours("test" if on == TEST else "train", position).positions
    names = [CLASS_NAMES[each] for each in dataset.train.labels[nearest]]
    clicked = gallery.show(dataset.train.images[nearest], names, "one_picture.neighbours", label="Nearest neighbours")
    if clicked is not None:
        close()
        st.switch_page("explorer.py", query_params={"sample": str(nearest[clicked])})
    same = names.count(CLASS_NAMES[label])
    st.caption(f"{same} of {len(names)} have its label, {CLASS_NAMES[label]}. A click opens one in the explorer.")


def _collect(position: int, runs: list[Measured]) -> dict[str, np.ndarray]:
    """Probabilities of each run that has an honest say; of the others, a sentence."""
    answers = {}
    for letter, measured in zip(LETTERS, runs, strict=False):
        name = f"{letter}: {run_names.describe(measured.run.record)}"
        place = measured.place_of(position)
        probabilities = None if place is None else measured.probabilities(place)
        if place is None:
            st.caption(f"{name} has learned from this picture: what it says of it proves nothing.")
        elif probabilities is None:
            said = CLASS_NAMES[measured.report.predictions[place]]
            st.caption(f"{name} says {said}. Its loss gives no probabilities.")
        else:
            answers[name] = probabilities
    return answers

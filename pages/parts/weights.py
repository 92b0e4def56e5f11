"""What the linear baseline learned: a weight picture a class, and which pixels of one picture spoke for what."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st

from fmnist_core.baseline import to_pixels
from fmnist_core.dataset import CLASS_NAMES
from fmnist_core.runs import BaselineRun
from pages.parts import csv_button, engine, learned

_SAMPLE = "weights.sample"


def contributions(run: BaselineRun, image: np.ndarray) -> np.ndarray:
    """What each pixel adds to the score of each class; with the intercept they sum to the score.

    Parameters
    ----------
    run : BaselineRun
    image : ndarray of shape (28, 28), uint8

    Returns
    -------
    ndarray of shape (10, 28, 28), float64
    """
    pixels = to_pixels(image[None], run.settings)
    return (run.result.coefficients * pixels).reshape(10, 28, 28)


def to_table(run: BaselineRun) -> pd.DataFrame:
    """One row a pixel, one column a class: the weights."""
    table = pd.DataFrame(run.result.coefficients.T, columns=list(CLASS_NAMES))
    table.insert(0, "row", np.arange(784) // 28)
    table.insert(1, "column", np.arange(784) % 28)
    return table


@st.fragment
def show(run: BaselineRun) -> None:
    """Draw the weights, and the contributions in a picture of the visitor's choice."""
    result = run.result
    st.subheader("What it learned")
    st.markdown(
        "The baseline has one weight for each pixel and class, and nothing else. It multiplies each pixel by its "
        "weight and adds up; the class with the largest sum wins. These are the weights of its last fit, on all 60,000 "
        "training pictures."
    )
    title = "Blue speaks for the class, red against it"  # fits a phone
    pictures = result.coefficients.reshape(10, 28, 28)
    # A few weights at the border, where pixels are almost always 0, are huge: with them, all others would be pale.
    limit = float(np.quantile(np.abs(pictures), 0.99))
    st.plotly_chart(learned.weights_chart(pictures, list(CLASS_NAMES), title, limit), key="weights", alt=title)
    st.caption(f"Weights beyond ±{limit:.2f}, one in a hundred, are drawn as strong as that.")
    csv_button.offer(lambda: to_table(run), f"weights_{run.run_id}", "weights.csv")
    _show_sample(run)


def _show_sample(run: BaselineRun) -> None:
    train, result = engine.dataset().train, run.result
    st.markdown("**Which pixels of one picture spoke for and against?**")
    position = int(
        st.number_input(
            "Training picture, 0 to 59,999", 0, 59_999, 0, key=_SAMPLE, persist_state="session", width=260
        )
    )  # fmt: skip
    image, label = train.images[position], int(train.labels[position])
    parts = contributions(run, image)
    scores = parts.sum(axis=(1, 2)) + result.intercepts
    shown = _classes_to_show(label, scores)
    st.markdown(
        f"Picture {position:,} is labelled **{CLASS_NAMES[label]}**. Its own class comes first, then the rivals."
    )
    names = [f"{CLASS_NAMES[number]}<br>{scores[number]:+.2f}" for number in shown]
    names[0] = f"<b>{names[0]}</b>"
    title = "What each pixel adds to the score"
    st.plotly_chart(learned.weights_chart(parts[shown], names, title, quantity="adds"), key="weights.parts", alt=title)
    winner = int(scores.argmax())
    gains, losses = (float(parts[label][sign].sum()) for sign in (parts[label] > 0, parts[label] < 0))
    name, intercept = CLASS_NAMES[label], float(result.intercepts[label])
    st.markdown(
        f"For **{name}**: {gains:+.2f} from pixels that speak for it, {losses:+.2f} from pixels against it, "
        f"{intercept:+.2f} for the class itself: **{scores[label]:+.2f}**. The largest score, {scores[winner]:+.2f}, "
        f"has **{CLASS_NAMES[winner]}**: {'right' if winner == label else 'wrong'}. (This fit has seen the picture; "
        "the accuracy above comes from folds that had not.)"
    )
    csv_button.offer(
        lambda: pd.DataFrame(parts.reshape(10, -1).T, columns=list(CLASS_NAMES)),
        f"contributions_{run.run_id}_{position}",
        "weights.parts.csv",
    )


def _classes_to_show(label: int, scores: np.ndarray, n: int = 5) -> Sequence[int]:
    """The true class first, then the strongest others."""
    others = [int(number) for number in np.argsort(-scores, kind="stable") if number != label]
    return [label, *others[: n - 1]]

"""Two runs on the same pictures: what one bought over the other, and whether it is real."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from fmnist_core.comparison import Duel, compare
from fmnist_core.dataset import CLASS_NAMES
from pages.parts import csv_button, engine, found, gallery, one_picture, run_names, seal
from pages.parts.measured import TEST, Measured, measure

_PER_GROUP = 40
GROUPS = ("Both right", "Only A right", "Only B right", "Both wrong")


@dataclass(frozen=True, eq=False)
class Common:
    """The pictures that both runs were measured on.

    Parameters
    ----------
    positions : ndarray of shape (n,)
        In the training or the test pictures.
    a, b : ndarray of shape (n,)
        Places of the same pictures in the arrays of each run.
    words : str
        Which pictures these are.
    """

    positions: np.ndarray
    a: np.ndarray
    b: np.ndarray
    words: str

    def answers(self, first: Measured, second: Measured) -> tuple[np.ndarray, np.ndarray]:
        """What each run said of these pictures; two arrays of shape (n,)."""
        return first.report.predictions[self.a], second.report.predictions[self.b]


def find_common(first: Measured, second: Measured) -> Common:
    """What both held out, in the order of position."""
    positions, a, b = np.intersect1d(first.indices, second.indices, assume_unique=True, return_indices=True)
    n = f"{len(positions):,}"
    if first.on == TEST:
        words = f"the {n} test pictures"
    elif len(positions) == len(first.indices) == len(second.indices):
        words = f"the same {n} pictures, which both had held out"
    else:
        words = (
            f"the {n} training pictures that both had held out (A held out {len(first.indices):,}, "
            f"B {len(second.indices):,})"
        )
    return Common(positions, a, b, words)


def points(difference: float) -> str:
    """A difference of two accuracies in percentage points, with its sign; to two places, as everywhere."""
    return f"{100 * difference:+.2f}".replace("-", "−")


def verdict(duel: Duel, words: str) -> str:
    """The whole duel in one sentence."""
    low, high = duel.interval
    better, lead = ("A", duel.difference) if duel.difference >= 0 else ("B", -duel.difference)
    ends = sorted((abs(low), abs(high))) if low * high > 0 else None
    ahead = f"{100 * lead:.2f} percentage points on {words}"
    if duel.is_real and ends:
        return (
            f"**Real: {better} is better** by {ahead} (95%: {100 * ends[0]:.2f} to {100 * ends[1]:.2f}). "
            f"Chance alone would divide the disputed pictures at least this unevenly {_odds(duel.p_value)}."
        )
    if duel.is_real or ends:
        return (
            f"**Borderline:** {better} is ahead by {ahead}, just at the edge of what chance alone does "
            f"(p-value {duel.p_value:.3f}). More held-out pictures would tell."
        )
    if duel.difference == 0:
        return (
            f"**No difference** on {words}: both are right equally often. A true difference "
            f"of up to {100 * high:.2f} percentage points could still hide."
        )
    return (
        f"**Within chance:** {better} is ahead by {ahead}, but chance alone would do that or more "
        f"{_odds(duel.p_value)}. A minus B may truly be anything from {points(low)} to {points(high)} points."
    )


def _odds(p_value: float) -> str:
    if p_value < 1e-4:
        return "less than once in 10,000 times"
    return f"{p_value:.1%} of the time" if p_value >= 0.001 else f"once in {round(1 / p_value):,} times"


def to_table(duel: Duel, common: Common, labels: np.ndarray, said: tuple[np.ndarray, np.ndarray]) -> pd.DataFrame:
    """One row a picture: what it is, what each run said, and in which of the four groups it is."""
    classes = np.array(CLASS_NAMES)
    return pd.DataFrame(
        {
            "picture": common.positions,
            "true class": classes[labels],
            "A said": classes[said[0]],
            "B said": classes[said[1]],
            "group": np.select(duel.parts, GROUPS, ""),
        }
    )


def show(run_id: str, against: str | None) -> None:
    """Draw the duel, and its four groups as galleries."""
    if against is None:
        st.info("Choose a second run above, under **Compare with**.", icon=":material/arrow_upward:")
        return
    on = seal.choose()
    first, second = measure(run_id, on), measure(against, on)
    common = find_common(first, second)
    if len(common.positions) == 0:
        st.warning(
            "The two have held out no picture in common, so nothing can be said. Train them with the same split, or "
            "open the test set above.",
            icon=":material/warning:",
        )
        return
    labels = first.labels[common.a]
    said = common.answers(first, second)
    duel = compare(labels, *said)
    st.markdown(f"**A** is {run_names.describe(first.run.record)}. **B** is {run_names.describe(second.run.record)}.")
    icon = ":material/verified:" if duel.is_real else ":material/casino:"
    (st.success if duel.is_real else st.info)(verdict(duel, common.words), icon=icon)
    _show_figures(duel)
    group = st.segmented_control(
        "Pictures of", GROUPS, key="duel.group", default=GROUPS[1], required=True, persist_state="session",
        format_func=lambda name: f"{name} ({duel.counts[GROUPS.index(name)]:,})",
    )  # fmt: skip
    _show_group((first, second), common, duel.parts[GROUPS.index(group or GROUPS[1])], labels, said)
    csv_button.offer(lambda: to_table(duel, common, labels, said), f"duel_{run_id}_{against}", "duel.csv")


def show_in_one_line(run_id: str, against: str) -> None:
    """What one run bought over another, on the pictures that both had held out."""
    first, second = measure(run_id), measure(against)
    common = find_common(first, second)
    if len(common.positions) == 0:
        return
    duel = compare(first.labels[common.a], *common.answers(first, second))
    low, high = duel.interval
    name = run_names.describe(engine.run(against).record)
    found.note_duel(f"{points(duel.difference)} points against {name}")
    a, b = duel.accuracies
    st.markdown(
        f":material/balance: **{points(duel.difference)} percentage points** against {name} (95%: "
        f"{points(low)} to {points(high)}): {a:.4f} and {b:.4f}, on the {duel.n_pictures:,} pictures that both "
        "had held out. More of it under **Duel**."
    )


def _show_figures(duel: Duel) -> None:
    a, b, difference, p_value = st.columns(4)
    low, high = duel.interval
    a.metric("Accuracy of A", f"{duel.accuracies[0]:.4f}")
    b.metric("Accuracy of B", f"{duel.accuracies[1]:.4f}")
    difference.metric(
        "A minus B",
        f"{points(duel.difference)} points",
        help="Both answered the same pictures, so they are compared picture by picture. (The interval is Tango's.)",
    )
    difference.caption(f"95%: {points(low)} to {points(high)} points")
    p_value.metric(
        "p-value",
        f"{duel.p_value:.4f}" if duel.p_value >= 1e-4 else "< 0.0001",
        help="If neither were better, the disputed pictures would fall to either side like tossed coins. The p-value "
        "is how often they would then fall at least this unevenly. (McNemar's exact test.)",
    )
    p_value.caption(f"disputed, only one is right: A {duel.counts[1]:,}, B {duel.counts[2]:,}")


def _show_group(
    runs: tuple[Measured, Measured],
    common: Common,
    chosen: np.ndarray,
    labels: np.ndarray,
    said: tuple[np.ndarray, np.ndarray],
) -> None:
    first = runs[0]
    places = np.flatnonzero(chosen)
    if len(places) == 0:
        st.caption("No picture is in this group.")
        return
    st.caption(f"The pictures A was surest of come first; at most {_PER_GROUP} are drawn. ✓ marks a right answer.")
    places = places[np.argsort(-first.report.confidences[common.a[places]], kind="stable")][:_PER_GROUP]
    a, b = ([_short(answers[place], labels[place]) for place in places] for answers in said)
    names = [CLASS_NAMES[label] for label in labels[places]]
    # No line ends between a run's letter and its answer.
    captions = [f"{name}: A\u00a0{said_a}, B\u00a0{said_b}" for name, said_a, said_b in zip(names, a, b, strict=True)]
    positions = common.positions[places]
    clicked = gallery.show(first.images[positions], captions, "duel.gallery", label="Pictures of the duel", size=64)
    if clicked is not None:
        one_picture.show(int(positions[clicked]), list(runs))


def _short(said: int, true: int) -> str:
    return "✓" if said == true else CLASS_NAMES[said]

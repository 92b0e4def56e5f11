"""What a run was measured on, and how it did: shared by all visitors, without copies of arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st

from fmnist_core import BaselineResult, Report, evaluate
from fmnist_core.baseline import to_probabilities
from fmnist_core.calibration import top_k_accuracy
from fmnist_core.dataset import N_TEST, N_TRAIN
from fmnist_core.runs import AnyRun
from pages.parts import engine

VALIDATION = "validation"
TEST = "test"


@dataclass(frozen=True, eq=False)
class Measured:
    """A run on pictures that it had not learned from.

    Parameters
    ----------
    run_id : str
    on : str
        "validation" (for a baseline: out of fold) or "test".
    indices : ndarray of shape (n,), int32
        Positions of the pictures, in the training pictures or in the test pictures.
    labels : ndarray of shape (n,), uint8
    ranking : ndarray of shape (n, 10), float32
        Probabilities of a network, decision values of a baseline: the arrays of the run itself.
    report : Report
    top_2 : float
        How often the true class is among the two ranked highest.
    """

    run_id: str
    on: str
    indices: np.ndarray
    labels: np.ndarray
    ranking: np.ndarray
    report: Report
    top_2: float

    @property
    def run(self) -> AnyRun:
        """The run itself; not kept here, or forty of these would keep forty runs."""
        return engine.run(self.run_id)

    @property
    def images(self) -> np.ndarray:
        """All pictures that `indices` points into."""
        dataset = engine.dataset()
        return (dataset.test if self.on == TEST else dataset.train).images

    @property
    def on_words(self) -> str:
        """The kind of pictures it was measured on, in words."""
        return "out of fold" if self.on == VALIDATION and self.run.settings.kind == "baseline" else self.on

    @property
    def where(self) -> str:
        """How many pictures of which kind it was measured on, in words."""
        n = f"{len(self.labels):,}"
        return f"{n} pictures out of fold" if self.on_words == "out of fold" else f"{n} {self.on} pictures"

    @property
    def is_probabilistic(self) -> bool:
        """Whether confidences are probabilities; else they are leads over the second choice."""
        return self.report.loss is not None

    def place_of(self, position: int) -> int | None:
        """Where the picture at `position` stands in the arrays; None for one the run has learned from."""
        if len(self.indices) in (N_TRAIN, N_TEST):  # all of them, in order
            return position if position < len(self.indices) else None
        found = np.flatnonzero(self.indices == position)
        return int(found[0]) if len(found) else None

    def probabilities(self, place: int) -> np.ndarray | None:
        """The ten probabilities of one picture, float64; None for a loss without probabilities."""
        row, result = self.ranking[place : place + 1], self.run.result
        if isinstance(result, BaselineResult):
            shares = to_probabilities(row, result.loss_name)
            return None if shares is None else shares[0]
        return row[0].astype(np.float64)


def measure(run_id: str, on: str = VALIDATION) -> Measured:
    """How a run did on its validation pictures, or on the test pictures."""
    return _measure(engine.store().address, run_id, on)


@st.cache_resource(max_entries=48, show_spinner=False)
def _measure(address: str, run_id: str, on: str) -> Measured:  # address: part of the key
    result, dataset = engine.run(run_id).result, engine.dataset()
    if on == TEST:
        labels, indices = dataset.test.labels, np.arange(len(dataset.test.labels), dtype=np.int32)
        ranking = result.test_scores if isinstance(result, BaselineResult) else result.test_probabilities
        report = evaluate(labels, result.test_probabilities, ranking)
    else:
        indices, report = engine.held_out_indices(run_id), engine.held_out_report(run_id)
        labels = dataset.train.labels[indices]
        ranking = result.out_of_fold_scores if isinstance(result, BaselineResult) else result.validation_probabilities
    return Measured(run_id, on, indices, labels, ranking, report, top_k_accuracy(labels, ranking, 2))

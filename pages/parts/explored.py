"""What is known about the pictures, computed when it is first asked for and then shared by all visitors."""

from __future__ import annotations

import numpy as np
import streamlit as st

from fmnist_core import BaselineSettings, RunRecord, doubtful_labels, exploration
from fmnist_core.baseline import LOSSES_WITH_PROBABILITIES, to_probabilities
from fmnist_core.dataset import Split
from fmnist_core.doubtful_labels import DoubtfulLabels
from fmnist_core.exploration import ClassStatistics, PictureMap, Separation
from fmnist_core.neighbours import NeighbourIndex, Neighbours
from pages.parts import engine


def split(name: str) -> Split:
    """The pictures of "train" or "test"."""
    return engine.dataset().train if name == "train" else engine.dataset().test


@st.cache_resource(show_spinner=False)
def class_statistics(name: str) -> ClassStatistics:
    """Counts, means, spreads and histograms of a split's classes."""
    return exploration.describe_classes(split(name))


@st.cache_resource(show_spinner=False)
def distances_to_mean(name: str) -> np.ndarray:
    """How far each picture of a split is from its class's mean training picture."""
    return exploration.distances_to_mean(split(name), class_statistics("train").means)


@st.cache_resource(max_entries=100, show_spinner=False)
def separation(first: int, second: int) -> Separation:
    """What tells two classes apart, in the training pictures."""
    return exploration.separate(engine.dataset().train, class_statistics("train").means, first, second)


@st.cache_resource(show_spinner=False)
def picture_map() -> PictureMap:
    """The 3,000 training pictures of the map."""
    return exploration.lay_out(engine.dataset().train)


@st.cache_resource(show_spinner=False)
def neighbour_counts() -> np.ndarray:
    """Which classes live next to which, among the pictures of the map; (10, 10)."""
    train, positions = engine.dataset().train, picture_map().positions
    return exploration.count_neighbours(train.images[positions], train.labels[positions])


@st.cache_resource(show_spinner=False)
def _index() -> NeighbourIndex:
    return NeighbourIndex(engine.dataset().train.images)


@st.cache_resource(max_entries=2000, show_spinner=False)
def neighbours(name: str, position: int) -> Neighbours:
    """The ten training pictures most like a picture, itself left out."""
    return _index().find(split(name).images[position], leave_out=position if name == "train" else None)


def best_baseline() -> RunRecord | None:
    """The finished baseline that judges labels: the lesson's, else the newest that gives probabilities."""
    usable = [
        record
        for record in engine.store().records()
        if isinstance(record.settings, BaselineSettings) and record.settings.loss in LOSSES_WITH_PROBABILITIES
    ]
    lessons = [record for record in usable if record.settings == BaselineSettings()]
    return next(iter(lessons + usable), None)


@st.cache_resource(max_entries=16, show_spinner=False)
def doubtful(run_id: str, name: str) -> DoubtfulLabels:
    """The labels of a split that a baseline doubts; it had not seen the pictures that it judges."""
    result = engine.baseline_run(run_id).result
    scores = result.out_of_fold_scores if name == "train" else result.test_scores
    # in portions: all at once would take 20 MB more for a moment, which the server's process would keep
    portions = np.array_split(scores, len(scores) // 5_000)
    probabilities = np.concatenate([to_probabilities(each, result.loss_name) for each in portions])
    return doubtful_labels.find_doubtful(split(name).labels, probabilities)

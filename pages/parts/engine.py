"""The cached doorway to the engine: what every visitor shares."""

from __future__ import annotations

from typing import cast

import numpy as np
import streamlit as st

from fmnist_core import BaselineResult, FashionMNIST, JobQueue, Report, RunStore, evaluate, load_dataset
from fmnist_core.dataset import DATA_DIGEST
from fmnist_core.environment import Environment
from fmnist_core.runs import AnyRun, BaselineRun, NetworkRun

_environment = Environment()
_queue: JobQueue | None = None
_store: RunStore | None = None


def start(environment: Environment) -> None:
    """Open the run store and start the workers; called once, when the server starts."""
    global _queue, _store, _environment  # noqa: PLW0603  (one queue for all visitors is what this module is for)
    _environment = environment
    _store = RunStore(environment.runs, environment.prepared)
    _queue = JobQueue(_store, DATA_DIGEST, environment)


def stop() -> None:
    """End the workers; called once, when the server stops."""
    if _queue is not None:
        _queue.close()


def use(queue: JobQueue, store: RunStore, environment: Environment | None = None) -> None:
    """Serve these instead; for tests, which run pages without a server."""
    global _queue, _store, _environment
    _queue, _store, _environment = queue, store, environment or Environment()


def environment() -> Environment:
    """What the host has decided."""
    return _environment


def queue() -> JobQueue:
    """The queue that all visitors share."""
    if _queue is None:
        raise RuntimeError("The server has not been started: use `streamlit run dashboard.py`.")
    return _queue


def store() -> RunStore:
    """The finished runs."""
    if _store is None:
        raise RuntimeError("The server has not been started: use `streamlit run dashboard.py`.")
    return _store


def data_digest() -> str:
    """What stands for the data in a run's identity; known without loading it."""
    return DATA_DIGEST


def dataset() -> FashionMNIST:
    """The data set, loaded once per process."""
    return load_dataset()


def run(run_id: str) -> AnyRun:
    """A finished run, verified; its arrays are shared by all visitors and read-only."""
    return _load(*_key(run_id))


def baseline_run(run_id: str) -> BaselineRun:
    """The same, for callers who know that it is a baseline's."""
    return cast(BaselineRun, run(run_id))


def network_run(run_id: str) -> NetworkRun:
    """The same, for callers who know that it is a network's."""
    return cast(NetworkRun, run(run_id))


def _key(run_id: str) -> tuple[str, bool, str]:
    """Whose run it is belongs to the key: one that was run here takes the place of the prepared one at once."""
    return store().address, store().is_prepared(run_id), run_id


# 1 MB each, tens of MB for the largest networks that may be trained.
@st.cache_resource(max_entries=8, show_spinner=False)
def _load(address: str, prepared: bool, run_id: str) -> AnyRun:  # the first two: part of the key
    return store().load(run_id)


def held_out_report(run_id: str) -> Report:
    """The run measured on pictures it had not seen: validation, or out of fold for a baseline."""
    return _held_out_report(*_key(run_id))


@st.cache_resource(max_entries=24, show_spinner=False)
def _held_out_report(address: str, prepared: bool, run_id: str) -> Report:  # the first two: part of the key
    result, labels = run(run_id).result, dataset().train.labels
    if isinstance(result, BaselineResult):
        return evaluate(labels, result.out_of_fold_probabilities, result.out_of_fold_scores)
    return evaluate(labels[result.validation_indices], result.validation_probabilities)


def held_out_indices(run_id: str) -> np.ndarray:
    """Positions, in the training pictures, of what `held_out_report` measured; (n,), int32."""
    result = run(run_id).result
    if isinstance(result, BaselineResult):
        return np.arange(len(dataset().train.labels), dtype=np.int32)
    return result.validation_indices

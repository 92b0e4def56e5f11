"""What runs in a worker's process: it computes runs and folds, answers questions, and reports to the queue.

What is `async` runs in the worker's event loop while a computation goes on in its thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import logging
import os
import resource
import sys
import threading
import time
from collections import deque
from collections.abc import Collection, Generator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import lru_cache, partial
from typing import Any, cast

import numpy as np
from distributed import Worker, WorkerPlugin, as_completed, get_worker, worker_client

from fmnist_core import network
from fmnist_core.baseline import Fold, OnShare, run_fold
from fmnist_core.dataset import load_dataset
from fmnist_core.environment import Environment
from fmnist_core.errors import FMNISTError
from fmnist_core.preparation import scale_and_flatten
from fmnist_core.progress import Stopped
from fmnist_core.run_store import RunStore
from fmnist_core.runs import NetworkRun, compute_run
from fmnist_core.settings import KINDS, BaselineSettings

logger = logging.getLogger(__name__)

TOPIC = "fmnist-jobs"  # of the events that the queue hears
_LOOK_SECONDS = 0.1  # between two looks of a baseline that waits for its folds

# Tasks that were asked to stop, whether they have begun here or not. Only the latest: a task looks every few seconds.
_stop_requests: deque[str] = deque(maxlen=100)
# The task of each computation in this process. A fold counts for its baseline, and so does waiting for folds.
_under_way: list[str] = []


async def request_stop(task: str) -> None:
    """Ask a computation to stop at its next look."""
    _stop_requests.append(task)


async def leave(tasks: Collection[str]) -> None:
    """End the process at once if it computes these tasks and no others; whoever watches over it starts a fresh one."""
    if set(_under_way) == set(tasks):
        os._exit(1)


class WarmUp(WorkerPlugin):
    """Pays for imports and data once, beside the worker's other duties, on every worker that ever joins."""

    name = "fmnist-warm-up"

    def setup(self, worker: Worker) -> None:
        """Dask calls this when a worker has started."""
        threading.Thread(target=self._load, args=(worker,), name="warm-up", daemon=True).start()

    @staticmethod
    def _load(worker: Worker) -> None:
        try:
            load_dataset()
            network.warm_up()
        # Whatever is missing, the first job that needs it says so to a visitor.
        except Exception:
            logger.exception("The worker could not load everything")
        _give_memory_back()
        worker.log_event(TOPIC, {"warm": worker.address})


class EndWithServer(WorkerPlugin):
    """For a worker of the server's machine: it ends when the server ends, however, and pages come before trainings.

    Its standard input is a pipe that closes then.
    """

    name = "fmnist-end-with-server"

    def setup(self, worker: Worker) -> None:
        """Dask calls this when a worker has started."""
        os.nice(10)
        threading.Thread(target=self._wait_for_the_end, name="end-with-server", daemon=True).start()

    @staticmethod
    def _wait_for_the_end() -> None:
        with contextlib.suppress(OSError):
            while os.read(0, 1024):
                pass
        os._exit(0)


def execute(task: str, kind: str, values: Mapping[str, Any], store: str, spread: bool) -> dict[str, Any]:
    """Compute a run and publish it.

    Parameters
    ----------
    task : str
        Names this attempt at the run: in events, and when it is asked to stop.
    kind : str
        ``settings.kind``
    values : mapping
        ``settings.to_dict()``
    store : str
        ``RunStore.address``
    spread : bool
        Whether the folds of a baseline are computed on all workers.

    Returns
    -------
    dict
        Small, never arrays: ``saved`` (run id) and ``stopped``, or ``message`` for the visitor; in any case this
        ``worker`` and its ``memory`` in bytes.
    """
    worker = get_worker()

    def tell(**event: Any) -> None:
        worker.log_event(TOPIC, {"task": task, **event})

    def should_stop() -> bool:
        if task in _stop_requests:
            tell(noticed=True)
            return True
        return False

    def compute_and_publish() -> dict[str, Any]:
        try:
            run = compute_run(
                load_dataset(),
                KINDS[kind].from_dict(values),
                lambda progress: tell(progress=asdict(progress)),
                should_stop,
                partial(_spread_folds, task, values) if spread else None,
            )
            runs = RunStore(store)
            # An attempt that the queue took for lost may have come to its end: what is kept is not written anew.
            if run.run_id not in runs:
                runs.publish(run)
        except Stopped:
            return {"stopped": True}
        except FMNISTError as error:
            return {"message": str(error)}
        return {"saved": run.run_id, "stopped": run.record.stopped_after is not None}

    with _counted(task):
        tell(started=True)
        outcome = compute_and_publish()
        _give_memory_back()
        return {**outcome, "worker": worker.address, "memory": _memory_bytes()}


def _spread_folds(task: str, values: Mapping[str, Any], on_share: OnShare) -> Generator[Fold, None, None]:
    """The folds of a baseline on all workers, this one included: its thread is free while it waits."""
    numbers = range(1, BaselineSettings.from_dict(values).folds + 1)
    with worker_client() as client:
        folds = [client.submit(_execute_fold, task, values, number, key=f"{task}-{number}") for number in numbers]
        finished = as_completed(folds, with_results=True)
        for _ in folds:
            while not finished.has_ready():
                if task in _stop_requests:
                    # At once: to leave the `with` may take as long as what this worker has begun meanwhile.
                    client.cancel(folds)
                    raise Stopped
                time.sleep(_LOOK_SECONDS)
            yield next(finished)[1]


def _execute_fold(task: str, values: Mapping[str, Any], number: int) -> Fold:
    """One fold; a stop reaches every worker."""
    with _counted(task):
        settings = BaselineSettings.from_dict(values)
        return run_fold(load_dataset(), settings, number, should_stop=lambda: task in _stop_requests)


@contextlib.contextmanager
def _counted(task: str) -> Iterator[None]:
    _under_way.append(task)
    try:
        yield
    finally:
        _under_way.remove(task)


def _memory_bytes() -> int:
    """Resident memory of this process now; its peak where the system has no /proc."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024


def _give_memory_back() -> None:
    """Return what is free to the system: the C library keeps it, some 70 MB after a training."""
    gc.collect()
    with contextlib.suppress(AttributeError, OSError, TypeError):  # glibc only
        ctypes.CDLL(None).malloc_trim(0)


# Questions are answered in a thread of their own, beside a training, and one at a time.
_answers = ThreadPoolExecutor(1, thread_name_prefix="answers")


async def answer(run_id: str, images: np.ndarray, store: str) -> np.ndarray:
    """What a kept network says of a few pictures.

    Parameters
    ----------
    run_id : str
    images : ndarray of shape (n, 28, 28), uint8
    store : str
        ``RunStore.address``

    Returns
    -------
    ndarray of shape (n, 10), float32
        Probabilities.
    """
    return await asyncio.get_running_loop().run_in_executor(_answers, _predict, run_id, images, store)


def _predict(run_id: str, images: np.ndarray, store: str) -> np.ndarray:
    return _restored(run_id, store)(scale_and_flatten(images, np.float32), training=False).numpy()


@lru_cache(maxsize=4)  # the largest network has 4 million weights: 16 MB
def _restored(run_id: str, store: str) -> Any:
    runs = RunStore(store, Environment.read().prepared)  # a worker has the prepared runs with the project
    run = cast(NetworkRun, runs.load(run_id))
    return network.restore_model(run.settings, run.result.weights)

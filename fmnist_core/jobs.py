"""The queue of computations: many visitors, a few workers. The only module that knows Dask.

A job is one experiment on its way to becoming a run. Two visitors who ask for the same settings share one
job. The worker publishes the run into the store itself; the queue holds only the state of the way there.

One thread, the dispatcher, talks to Dask; pages only leave wishes and read snapshots, so a page never
waits for a cluster.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import enum
import gc
import heapq
import logging
import math
import os
import resource
import sys
import threading
import time
import uuid
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property, lru_cache, partial
from statistics import median
from typing import Any

import dask
import numpy as np
from distributed import (
    Client,
    Future,
    KilledWorker,
    Scheduler,
    SpecCluster,
    Worker,
    WorkerPlugin,
    as_completed,
    get_worker,
    worker_client,
)

from fmnist_core import cost, network
from fmnist_core.baseline import Fold, OnShare, run_fold
from fmnist_core.dataset import load_dataset
from fmnist_core.environment import Environment
from fmnist_core.errors import FMNISTError, JobRefused
from fmnist_core.own_worker import OwnWorker
from fmnist_core.preparation import scale_and_flatten
from fmnist_core.progress import Progress, Stopped
from fmnist_core.runs import RunStore, compute_run, identify
from fmnist_core.settings import KINDS, BaselineSettings, Settings

logger = logging.getLogger(__name__)

_TOPIC = "fmnist-jobs"
_TICK = 0.1  # seconds between two looks of the dispatcher when nothing wakes it
# A stop that the computation has not noticed by then ends the worker's process. A network looks often and has
# something to keep; one step of scikit-learn can take minutes and leaves nothing.
_POLITE_SECONDS = {"network": 15.0, "baseline": 0.7}
_ANSWER_SECONDS = 20  # a worker that is only just loading TensorFlow needs 10 of them
_MOST_ASKED = 100  # pictures in one question
_KEPT_JOBS = 200  # ended jobs remembered for the pages
_RECYCLE_BYTES = 1300 * 2**20  # a worker that has grown beyond this is replaced when it is idle


class JobState(enum.Enum):
    """Where a job stands."""

    WAITING = "waiting"
    RUNNING = "running"
    STOPPING = "stopping"
    DONE = "done"
    STOPPED = "stopped"
    FAILED = "failed"

    @property
    def active(self) -> bool:
        """Whether something is still to happen."""
        return self in {JobState.WAITING, JobState.RUNNING, JobState.STOPPING}


@dataclass(frozen=True)
class Job:
    """A snapshot of one experiment on its way.

    Parameters
    ----------
    run_id : str
        The run it will become.
    settings : BaselineSettings or NetworkSettings
    state : JobState
    progress : Progress or None
        The latest report of the worker.
    saved_run_id : str or None
        The run in the store, once there is one. A stopped training has a run id of its own.
    message : str
        One sentence for the visitor when the job failed or was stopped, else empty.
    position : int
        Jobs that come before it while it waits.
    wait : float or None
        Seconds until it will probably start, while it waits.
    visitors : tuple of str
        Who asked for it, first the one whose turn it takes. It goes on while one of them still wants it.
    submitted, started, ended : float or None
        Seconds since the epoch.
    """

    run_id: str
    settings: Settings
    state: JobState
    progress: Progress | None = None
    saved_run_id: str | None = None
    message: str = ""
    position: int = 0
    wait: float | None = None
    visitors: tuple[str, ...] = ("",)
    submitted: float = field(default_factory=time.time)
    started: float | None = None
    ended: float | None = None

    @cached_property
    def expected(self) -> float:
        """Seconds it would take on the machine where costs were measured."""
        return cost.expected_seconds(self.settings)


# ---------------------------------------------------------------------------------------------------------
# In the worker's process. What is `async` runs in its event loop while the computation goes on in its thread.

_stop_requests: set[str] = set()


async def _request_stop(task: str) -> None:
    """Ask a computation to stop at its next look."""
    _stop_requests.add(task)


async def _leave() -> None:
    """End the worker's process at once; whoever watches over it starts a fresh one."""
    os._exit(1)


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


class _Warmth(WorkerPlugin):
    """Pays for imports and data once, beside the worker's other duties, on every worker that ever joins."""

    name = "fmnist-warmth"

    def setup(self, worker: Worker) -> None:
        """Dask calls this when a worker has started."""
        threading.Thread(target=self._load, args=(worker,), name="warm-up", daemon=True).start()

    @staticmethod
    def _load(worker: Worker) -> None:
        try:
            load_dataset()
            network.warm_up()
        except FMNISTError as error:  # the first job says the same to a visitor
            logger.warning("%s", error)
        _give_memory_back()
        worker.log_event(_TOPIC, {"warm": worker.address})


class _SideBySide(WorkerPlugin):
    """For a worker of the server's machine: pages come before trainings, and it ends when the server ends, however.

    Its standard input is a pipe that closes then.
    """

    name = "fmnist-side-by-side"

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


def _execute(task: str, run_id: str, kind: str, values: Mapping[str, Any], store: str, spread: bool) -> dict[str, Any]:
    """Compute a run and publish it. What goes back is small: what happened, never arrays."""
    worker = get_worker()

    def tell(**event: Any) -> None:
        worker.log_event(_TOPIC, {"run_id": run_id, "worker": worker.address, **event})

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
            RunStore(store).publish(run)
        except Stopped:
            return {"stopped": True}
        except FMNISTError as error:
            return {"message": str(error)}
        return {"saved": run.run_id, "stopped": run.record.stopped_after is not None}

    tell(started=time.time())
    outcome = compute_and_publish()
    _give_memory_back()
    return {**outcome, "memory": _memory_bytes()}


def _spread_folds(task: str, values: Mapping[str, Any], on_share: OnShare) -> Iterator[Fold]:
    """The folds of a baseline on all workers, this one included: its thread is free while it waits."""
    numbers = range(1, BaselineSettings.from_dict(values).folds + 1)
    with worker_client() as client:
        folds = [client.submit(_execute_fold, task, values, number, key=f"{task}-{number}") for number in numbers]
        for _, fold in as_completed(folds, with_results=True):
            yield fold


def _execute_fold(task: str, values: Mapping[str, Any], number: int) -> Fold:
    """One fold; a stop reaches every worker."""
    settings = BaselineSettings.from_dict(values)
    return run_fold(load_dataset(), settings, number, should_stop=lambda: task in _stop_requests)


# Questions are answered in a thread of their own, beside a training, and one at a time.
_answers = ThreadPoolExecutor(1, thread_name_prefix="answers")


async def _answer(run_id: str, images: np.ndarray, store: str) -> np.ndarray:
    """What a kept network says of a few pictures; runs in the event loop, which waits for the thread."""
    return await asyncio.get_running_loop().run_in_executor(_answers, _predict, run_id, images, store)


def _predict(run_id: str, images: np.ndarray, store: str) -> np.ndarray:
    return _restored(run_id, store)(scale_and_flatten(images, np.float32), training=False).numpy()


@lru_cache(maxsize=4)  # the largest network has 4 million weights: 16 MB
def _restored(run_id: str, store: str) -> Any:
    run = RunStore(store, Environment.read().prepared).load(run_id)  # a worker has the prepared runs with the project
    return network.restore_model(run.settings, run.result.weights)


# ---------------------------------------------------------------------------------------------------------
# In the server's process.


@dataclass(frozen=True)
class ClusterStatus:
    """Who computes: how many workers there are, and how many of them have loaded everything."""

    n_workers: int
    n_warm: int


class JobQueue:
    """Turns settings into runs, on one worker process of this machine or on a Dask cluster elsewhere.

    Returns at once; the cluster is started or reached in the background, and jobs wait for it.

    Parameters
    ----------
    store : RunStore
        Where finished runs are published; the workers must reach the same folder or bucket.
    data_digest : str
        `FashionMNIST.digest` of the data that the workers use: part of each run's identity.
    environment : Environment, optional
        The scheduler's address and the limits. Without an address, a cluster with a single worker is started on
        this machine, reachable from this machine only.
    """

    def __init__(self, store: RunStore, data_digest: str, environment: Environment | None = None) -> None:
        self._store = store
        self._data_digest = data_digest
        self._environment = environment or Environment()
        self._changed = threading.Condition(threading.RLock())
        self._jobs: dict[str, Job] = {}
        self._waiting: list[str] = []
        self._futures: dict[str, Future] = {}
        self._workers: dict[str, str] = {}  # run id -> address of the worker that computes it
        self._warm: set[str] = set()
        self._deadlines: dict[str, float] = {}  # run id -> when a stop becomes impolite
        self._paces: deque[float] = deque(maxlen=20)  # of the latest runs: seconds taken over seconds expected
        self._status = ClusterStatus(0, 0)
        self._client: Client | None = None
        self._own_worker: OwnWorker | None = None
        self._closing = False
        self._dispatcher = threading.Thread(target=self._dispatch_until_closed, name="job-dispatcher")
        self._dispatcher.start()

    # What pages call. None of these waits for the cluster.

    def submit(self, settings: Settings, visitor: str = "") -> Job:
        """Ask for a run. Equal settings share one job, and a run that is kept already is not made again.

        Raises
        ------
        JobRefused
            When it would cost too much, the visitor has asked for too many, or the queue is full.
        """
        run_id = identify(settings, self._data_digest)
        kept = run_id in self._store and not self._store.is_prepared(run_id)
        with self._changed:
            job = self._jobs.get(run_id)
            if job is not None and job.state.active:
                if visitor not in job.visitors:
                    self._jobs[run_id] = replace(job, visitors=(*job.visitors, visitor))
            elif kept:
                return Job(run_id, settings, JobState.DONE, saved_run_id=run_id)
            else:
                self._refuse(settings, visitor)
                self._jobs.pop(run_id, None)
                self._jobs[run_id] = Job(run_id, settings, JobState.WAITING, visitors=(visitor,))
                self._waiting.append(run_id)
                self._forget_old()
                self._changed.notify_all()
            return self._jobs[run_id]

    def job(self, run_id: str) -> Job | None:
        """The job that is to become `run_id`, as it stands now, or None when nobody asked for it lately."""
        with self._changed:
            job = self._jobs.get(run_id)
            return self._foresee().get(run_id, job)

    def jobs(self) -> list[Job]:
        """All jobs remembered, oldest first."""
        with self._changed:
            foreseen = self._foresee()
            return [foreseen.get(run_id, job) for run_id, job in self._jobs.items()]

    def stop(self, run_id: str, visitor: str = "") -> None:
        """Take back what this visitor asked for. The job stops when nobody else wants it.

        A training keeps what it has learned, as a run of its own.
        """
        with self._changed:
            job = self._jobs.get(run_id)
            if job is None or visitor not in job.visitors or job.state not in {JobState.WAITING, JobState.RUNNING}:
                return
            others = tuple(each for each in job.visitors if each != visitor)
            if others:
                self._jobs[run_id] = replace(job, visitors=others)
            elif job.state is JobState.WAITING:
                self._waiting.remove(run_id)
                self._end(run_id, JobState.STOPPED, message="Taken out of the queue before it began.")
            else:
                self._jobs[run_id] = replace(job, state=JobState.STOPPING)
            self._changed.notify_all()

    def predict(self, run_id: str, images: np.ndarray) -> np.ndarray:
        """Ask a kept network about a few pictures, in a worker; the one call that waits for its answer.

        It does not queue behind trainings: a worker answers beside its training.

        Parameters
        ----------
        run_id : str
            Of a network in the store.
        images : ndarray of shape (n, 28, 28), uint8
            At most 100.

        Returns
        -------
        ndarray of shape (n, 10), float32
            Probabilities.

        Raises
        ------
        JobRefused
            When no worker is there, or none answers within 20 seconds.
        RunNotFound, RunDamaged
            When the worker cannot read the run.
        """
        if images.dtype != np.uint8 or images.shape[1:] != (28, 28) or not 0 < len(images) <= _MOST_ASKED:
            raise ValueError(f"Expected 1 to {_MOST_ASKED} pictures of 28 x 28 bytes, got {images.shape}.")
        client = self._client
        if client is None:
            raise JobRefused("The worker is starting. Try again in a few seconds.")

        async def ask() -> np.ndarray:
            workers = await client.nthreads()
            if not workers:
                raise JobRefused("The worker is starting. Try again in a few seconds.")
            address = min(workers, key=lambda each: (each not in self._warm, each))
            answers = await client.run(_answer, run_id, images, self._store.address, workers=[address])
            return answers[address]

        try:
            return client.sync(ask, callback_timeout=_ANSWER_SECONDS)
        except FMNISTError:
            raise
        except Exception as error:  # a lost worker shows itself in many ways; each means the same here
            logger.warning("No answer about run %s: %r", run_id, error)
            raise JobRefused("The worker gave no answer. Try again in a few seconds.") from error

    @property
    def status(self) -> ClusterStatus:
        """The workers, as of the last look."""
        return self._status

    def close(self) -> None:
        """Stop computing and end the worker's process. Finished runs stay in the store."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._dispatcher.join()

    # Who comes when. Called with the lock held.

    def _refuse(self, settings: Settings, visitor: str) -> None:
        limits = self._environment
        too_much = cost.refusal(settings, limits.seconds)
        if too_much is not None:
            raise JobRefused(too_much)
        n_mine = sum(visitor in job.visitors for job in self._jobs.values() if job.state.active)
        if n_mine >= limits.asked_per_visitor:
            raise JobRefused(
                f"You have {n_mine} trainings under way or waiting, and one visitor may have no more. "
                "Wait until one has ended, or stop one."
            )
        if len(self._waiting) >= limits.queue:
            soonest = min((job.wait or 0.0 for job in self._foresee().values()), default=0.0)
            raise JobRefused(
                f"The queue is full: {len(self._waiting)} trainings wait. "
                f"Try again in about {cost.in_words(max(soonest, 10.0))}."
            )

    def _in_turn(self) -> list[str]:
        """What waits, in the order in which it will start: everybody's first before anybody's second."""
        turns = Counter(self._jobs[run_id].visitors[0] for run_id in self._futures)
        order: list[tuple[int, int, str]] = []
        for place, run_id in enumerate(self._waiting):
            visitor = self._jobs[run_id].visitors[0]
            order.append((turns[visitor], place, run_id))
            turns[visitor] += 1
        return [run_id for _, _, run_id in sorted(order)]

    def _foresee(self) -> dict[str, Job]:
        """The waiting jobs with their position, and the time until each will probably start."""
        if not self._waiting:
            return {}
        pace = median(self._paces) if self._paces else 1.0
        free_at = [_seconds_left(self._jobs[run_id], pace) for run_id in self._futures]
        free_at += [0.0] * (max(self._status.n_workers, 1) - len(free_at))
        heapq.heapify(free_at)
        foreseen: dict[str, Job] = {}
        for place, run_id in enumerate(self._in_turn()):
            job = self._jobs[run_id]
            wait = heapq.heappop(free_at)
            heapq.heappush(free_at, wait + pace * job.expected)
            foreseen[run_id] = replace(job, position=place + len(self._futures), wait=wait)
        return foreseen

    # The dispatcher's thread.

    def _dispatch_until_closed(self) -> None:
        while not self._closing:
            try:
                with self._connect() as client:
                    self._client = client
                    while not self._closing and client.status == "running":
                        self._look_after(client)
                        with self._changed:
                            self._changed.wait(_TICK)
            # Whatever breaks between us and the cluster, the queue must live on and try again.
            except Exception:
                logger.exception("The cluster was lost; trying again.")
            finally:
                self._client = None
                self._take_back()
            if not self._closing:
                time.sleep(_TICK)

    @contextlib.contextmanager
    def _connect(self) -> Iterator[Client]:
        with contextlib.ExitStack() as stack:
            address = self._environment.scheduler
            if not address:
                cluster = stack.enter_context(_own_scheduler())
                advice = dask.config.get("distributed.nanny.pre-spawn-environ")
                self._own_worker = OwnWorker(cluster.scheduler_address, advice)
                stack.callback(self._own_worker.end)
            client = stack.enter_context(Client(address or cluster, set_as_default=False, timeout=20))
            client.subscribe_topic(_TOPIC, self._hear)
            client.register_plugin(_Warmth())
            if not address:
                client.register_plugin(_SideBySide())
            yield client

    def _look_after(self, client: Client) -> None:
        workers = client.nthreads()
        self._status = ClusterStatus(len(workers), len(self._warm & set(workers)))
        if self._own_worker is not None:
            self._own_worker.keep(seen=bool(workers))
        self._start_jobs(client, n_slots=len(workers))
        self._press_stops(client)
        for run_id, future in list(self._futures.items()):
            if future.done():
                self._collect(client, run_id, future)

    def _start_jobs(self, client: Client, n_slots: int) -> None:
        with self._changed:
            running = Counter(self._jobs[run_id].visitors[0] for run_id in self._futures)
            for run_id in self._in_turn():
                job = self._jobs[run_id]
                if len(self._futures) >= n_slots:
                    break
                if running[job.visitors[0]] >= self._environment.running_per_visitor:
                    continue
                running[job.visitors[0]] += 1
                self._waiting.remove(run_id)
                self._workers.pop(run_id, None)
                self._jobs[run_id] = replace(job, state=JobState.RUNNING, started=time.time())
                task = f"{run_id}-{uuid.uuid4().hex[:8]}"
                spread = n_slots > 1 and job.settings.kind == "baseline"
                arguments = (run_id, job.settings.kind, job.settings.to_dict(), self._store.address, spread)
                self._futures[run_id] = client.submit(_execute, task, *arguments, key=task, pure=False)

    def _press_stops(self, client: Client) -> None:
        for run_id, job in list(self._jobs.items()):
            worker = self._workers.get(run_id)
            if job.state is not JobState.STOPPING or run_id not in self._futures:
                continue
            if run_id not in self._deadlines:
                self._deadlines[run_id] = time.monotonic() + _POLITE_SECONDS[job.settings.kind]
                if worker is not None:
                    # every worker: folds may be anywhere
                    client.run(_request_stop, self._futures[run_id].key, wait=False, on_error="ignore")
            elif time.monotonic() > self._deadlines[run_id]:
                # No flag can interrupt one long step of scikit-learn, or a compilation: the process must end.
                self._futures.pop(run_id).cancel(force=True)
                if worker is not None:
                    client.run(_leave, workers=[worker], wait=False, on_error="ignore")
                self._end(run_id, JobState.STOPPED, message="Stopped. There was nothing to keep yet.")

    def _collect(self, client: Client, run_id: str, future: Future) -> None:
        del self._futures[run_id]
        stopping = self._jobs[run_id].state is JobState.STOPPING
        if future.status == "finished":
            outcome = future.result()
            self._finish(run_id, outcome)
            self._store.make_room(self._environment.store_mb * 2**20)
            if outcome["memory"] > _RECYCLE_BYTES and not self._waiting and run_id in self._workers:
                client.run(_leave, workers=[self._workers[run_id]], wait=False, on_error="ignore")
        elif future.status == "error":
            error = future.exception()
            logger.error("Run %s failed", run_id, exc_info=error)
            self._end(run_id, JobState.FAILED, message=_in_words(error))
        elif stopping:
            self._end(run_id, JobState.STOPPED, message="Stopped. There was nothing to keep yet.")
        else:  # lost together with the scheduler's memory of it
            self._put_back(run_id)
        future.release()

    def _finish(self, run_id: str, outcome: Mapping[str, Any]) -> None:
        saved = outcome.get("saved")
        if "message" in outcome:
            self._end(run_id, JobState.FAILED, message=outcome["message"])
        elif outcome["stopped"]:
            message = "Stopped. What was learned so far is kept." if saved else "Stopped. Nothing was kept."
            self._end(run_id, JobState.STOPPED, saved_run_id=saved, message=message)
        else:
            job = self._jobs[run_id]
            self._paces.append((time.time() - (job.started or time.time())) / job.expected)
            self._end(run_id, JobState.DONE, saved_run_id=saved)

    def _end(self, run_id: str, state: JobState, **facts: Any) -> None:
        with self._changed:
            self._deadlines.pop(run_id, None)
            self._jobs[run_id] = replace(self._jobs[run_id], state=state, ended=time.time(), **facts)

    def _put_back(self, run_id: str) -> None:
        with self._changed:
            if run_id in self._store:
                self._end(run_id, JobState.DONE, saved_run_id=run_id)
            elif self._jobs[run_id].state is JobState.STOPPING:
                self._end(run_id, JobState.STOPPED, message="Stopped. Nothing was kept.")
            else:
                self._jobs[run_id] = replace(self._jobs[run_id], state=JobState.WAITING, progress=None)
                self._waiting.insert(0, run_id)

    def _take_back(self) -> None:
        """The cluster is gone: what it was computing waits again, first in line."""
        with self._changed:
            for run_id in reversed(list(self._futures)):
                del self._futures[run_id]
                self._put_back(run_id)
            self._warm.clear()
            self._status = ClusterStatus(0, 0)

    def _forget_old(self) -> None:
        ended = [run_id for run_id, job in self._jobs.items() if not job.state.active]
        for run_id in ended[:-_KEPT_JOBS]:
            del self._jobs[run_id]

    # Dask's event thread.

    def _hear(self, event: tuple[float, Mapping[str, Any]]) -> None:
        _, news = event
        with self._changed:
            if "warm" in news:
                self._warm.add(news["warm"])
                return
            run_id = news["run_id"]
            self._workers[run_id] = news["worker"]
            job = self._jobs.get(run_id)
            if job is None or not job.state.active:
                return
            if "noticed" in news:
                self._deadlines[run_id] = math.inf
            if "progress" in news:
                report = Progress(**{**news["progress"], "rows": tuple(news["progress"]["rows"])})
                self._jobs[run_id] = replace(job, progress=report)


def _own_scheduler() -> SpecCluster:
    """A scheduler in this process, reachable from this machine only."""
    os.environ.setdefault("DASK_LOGGING__DISTRIBUTED", "error")
    # Dask's own default would let its dashboard listen on every interface.
    options = {"host": "127.0.0.1", "dashboard_address": "127.0.0.1:0"}
    scheduler = {"cls": Scheduler, "options": options}
    return SpecCluster(scheduler=scheduler, workers={}, name="fmnist", silence_logs=logging.ERROR)


def _seconds_left(job: Job, pace: float) -> float:
    """How long a running job will probably take yet."""
    elapsed = time.time() - (job.started or time.time())
    share = job.progress.share if job.progress is not None else 0.0
    whole = elapsed / share if share > 0.05 else pace * job.expected
    return max(whole - elapsed, 0.0)


def _in_words(error: BaseException | None) -> str:
    if isinstance(error, KilledWorker):
        return (
            "The worker process ended several times while it computed this, so it was given up. "
            "Try a smaller network, or try again."
        )
    return f"The computation failed ({type(error).__name__}). Other settings may work; the log has the details."

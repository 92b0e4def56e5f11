"""The queue of computations: many visitors, a few workers.

A job is one experiment on its way to becoming a run. Two visitors who ask for the same settings share one
job. The worker publishes the run into the store itself; the queue holds only the state of the way there.

One thread, the dispatcher, talks to Dask; pages only leave wishes and read snapshots, so a page never
waits for a cluster. What the cluster runs is in `in_worker`.
"""

from __future__ import annotations

import atexit
import contextlib
import heapq
import logging
import math
import os
import threading
import time
import uuid
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from statistics import median
from typing import Any, Self

import dask
import numpy as np
from distributed import Client, Future, KilledWorker, Scheduler, SpecCluster
from distributed.security import Security

from fmnist_core import cost, in_worker
from fmnist_core.environment import Environment
from fmnist_core.errors import FMNISTError, JobRefused
from fmnist_core.job import ClusterStatus, Job, JobState
from fmnist_core.own_worker import OwnWorker
from fmnist_core.progress import Progress
from fmnist_core.run_store import RunStore
from fmnist_core.runs import identify
from fmnist_core.settings import Settings

logger = logging.getLogger(__name__)

_TICK = 0.1  # seconds between two looks of the dispatcher when nothing wakes it
# A stop that the computation has not noticed by then ends the worker's process. A network looks often and has
# something to keep; one step of scikit-learn can take minutes and leaves nothing.
_POLITE_SECONDS = {"network": 15.0, "baseline": 0.7}
_CONNECT_SECONDS = 10  # to wait for a scheduler elsewhere before the log says that it cannot be reached
_ANSWER_SECONDS = 20  # a worker that is only just loading TensorFlow needs 10 of them
_MOST_ASKED = 100  # pictures in one question
_KEPT_JOBS = 200  # ended jobs remembered for the pages
_RECYCLE_BYTES = 1300 * 2**20  # a worker that has grown beyond this is replaced when it is idle


@dataclass
class _Running:
    """What the cluster was given to compute: one attempt at a run.

    Parameters
    ----------
    run_id : str
    future : Future
    deadline : float or None
        When a stop becomes impolite. None before it was asked for, infinite once the computation has noticed.
    """

    run_id: str
    future: Future
    deadline: float | None = None


class _SchedulerUnreachable(OSError):
    """Nobody answers at the scheduler's address, or it turns us away."""


class JobQueue:
    """Turns settings into runs, on one worker process of this machine or on a Dask cluster elsewhere.

    Returns at once; the cluster is started or reached in the background, and jobs wait for it. To be closed, or used
    as a context manager; what is forgotten is closed when the program ends.

    Parameters
    ----------
    store : RunStore
        Where finished runs are published; the workers must reach the same folder or bucket.
    data_digest : str
        `FashionMNIST.digest` of the data that the workers use: part of each run's identity.
    environment : Environment, optional
        The scheduler's address and the limits. Without an address, a cluster with a single worker is started on
        this machine, reachable from this machine only.

    Raises
    ------
    FMNISTError
        When the scheduler speaks TLS, and there is no certificate to show it.
    """

    def __init__(self, store: RunStore, data_digest: str, environment: Environment | None = None) -> None:
        _refuse_without_certificate((environment or Environment()).scheduler)
        self._store = store
        self._data_digest = data_digest
        self._environment = environment or Environment()
        self._changed = threading.Condition(threading.RLock())
        self._jobs: dict[str, Job] = {}
        self._waiting: list[str] = []
        self._running: dict[str, _Running] = {}  # by task: events of a former attempt must not meet the next one
        self._warm: set[str] = set()
        self._paces: deque[float] = deque(maxlen=20)  # of the latest runs: seconds taken over seconds expected
        self._status = ClusterStatus(0, 0)
        self._client: Client | None = None
        self._own_worker: OwnWorker | None = None
        self._closing = False
        self._dispatcher = threading.Thread(target=self._dispatch_until_closed, name="job-dispatcher", daemon=True)
        self._dispatcher.start()
        atexit.register(self.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # What pages call. None of these waits for the cluster.

    def submit(self, settings: Settings, visitor: str = "") -> Job:
        """Ask for a run. Equal settings share one job, and a run that is kept already is not made again.

        What is just being stopped is queued anew when it has ended.

        Raises
        ------
        JobRefused
            When it would cost too much, the visitor has asked for too many, or the queue is full.
        """
        run_id = identify(settings, self._data_digest)
        kept = self._is_kept(run_id)
        with self._changed:
            job = self._jobs.get(run_id)
            if job is not None and job.state is JobState.STOPPING:
                if visitor not in job.wanted_again:
                    self._refuse(settings, visitor)
                    self._jobs[run_id] = replace(job, wanted_again=(*job.wanted_again, visitor))
            elif job is not None and job.state.active:
                if visitor not in job.visitors:
                    self._jobs[run_id] = replace(job, visitors=(*job.visitors, visitor))
            elif kept:
                return Job(run_id, settings, JobState.DONE, saved_run_id=run_id)
            else:
                self._refuse(settings, visitor)
                self._enqueue(run_id, settings, (visitor,))
                self._forget_old()
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
            if job is None:
                return
            if job.state is JobState.STOPPING:
                self._jobs[run_id] = replace(job, wanted_again=_without(visitor, job.wanted_again))
            if job.state not in {JobState.WAITING, JobState.RUNNING} or visitor not in job.visitors:
                return
            others = _without(visitor, job.visitors)
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
            raise JobRefused(f"{self.why_idle} Try again in a few seconds.")

        async def ask() -> np.ndarray:
            workers = await client.nthreads()
            if not workers:
                raise JobRefused(f"{self.why_idle} Try again in a few seconds.")
            address = min(workers, key=lambda each: (each not in self._warm, each))
            answers = await client.run(in_worker.answer, run_id, images, self._store.address, workers=[address])
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

    @property
    def why_idle(self) -> str:
        """Why nothing is computed while there is no worker, in a sentence."""
        if self._environment.scheduler:
            return "No worker can be reached just now."
        return "The worker is starting."

    def close(self) -> None:
        """Stop computing and end the worker's process. Finished runs stay in the store."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._dispatcher.join()
        atexit.unregister(self.close)

    def _is_kept(self, run_id: str) -> bool:
        """Whether the run was made here and kept; not, as far as anybody knows, when the store cannot be reached."""
        try:
            return run_id in self._store and not self._store.is_prepared(run_id)
        except (OSError, FMNISTError) as error:
            logger.warning("Whether the run %s is kept could not be seen (%s)", run_id, error)
            return False

    # Who comes when. Called with the lock held.

    def _refuse(self, settings: Settings, visitor: str) -> None:
        limits = self._environment
        too_much = cost.refusal(settings, limits.seconds)
        if too_much is not None:
            raise JobRefused(too_much)
        n_mine = sum(visitor in job.visitors + job.wanted_again for job in self._jobs.values() if job.state.active)
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

    def _enqueue(self, run_id: str, settings: Settings, visitors: tuple[str, ...]) -> None:
        self._jobs.pop(run_id, None)  # `jobs` has the oldest first
        self._jobs[run_id] = Job(run_id, settings, JobState.WAITING, visitors=visitors)
        self._waiting.append(run_id)
        self._changed.notify_all()

    def _running_jobs(self) -> list[Job]:
        return [self._jobs[running.run_id] for running in self._running.values()]

    def _in_turn(self) -> list[str]:
        """What waits, in the order in which it will start: everybody's first before anybody's second."""
        turns = Counter(job.visitors[0] for job in self._running_jobs())
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
        free_at = [_seconds_left(job, pace) for job in self._running_jobs()]
        free_at += [0.0] * (max(self._status.n_workers, 1) - len(free_at))
        heapq.heapify(free_at)
        foreseen: dict[str, Job] = {}
        for place, run_id in enumerate(self._in_turn()):
            job = self._jobs[run_id]
            wait = heapq.heappop(free_at)
            heapq.heappush(free_at, wait + pace * job.expected)
            foreseen[run_id] = replace(job, position=place + len(self._running), wait=wait)
        return foreseen

    # The dispatcher's thread. It never waits for Dask with the lock held: events come by a thread that Dask needs.

    def _dispatch_until_closed(self) -> None:
        while not self._closing:
            try:
                with self._connect() as client:
                    self._client = client
                    while not self._closing and client.status == "running":
                        self._look_after(client)
                        with self._changed:
                            self._changed.wait(_TICK)
            except _SchedulerUnreachable as error:
                logger.warning("%s", error)
            # Whatever breaks between us and the cluster, the queue must live on and try again.
            except Exception:
                logger.exception("The cluster was lost; trying again.")
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
            try:
                client = stack.enter_context(Client(address or cluster, set_as_default=False, timeout=_CONNECT_SECONDS))
            except OSError as error:
                raise _SchedulerUnreachable(
                    f"The Dask scheduler {address or 'of this machine'} cannot be reached ({error}). It is tried again "
                    "until it can, and what was asked for waits. FMNIST_SCHEDULER names another."
                ) from error
            client.subscribe_topic(in_worker.TOPIC, self._on_event)
            client.register_plugin(in_worker.WarmUp())
            if not address:
                client.register_plugin(in_worker.EndWithServer())
            yield client

    def _look_after(self, client: Client) -> None:
        workers = client.nthreads()
        with self._changed:
            self._status = ClusterStatus(len(workers), len(self._warm & set(workers)))
        if self._own_worker is not None:
            self._own_worker.keep(seen=bool(workers))
        self._start_jobs(client, n_slots=len(workers))
        self._enforce_stops(client)
        for task, running in list(self._running.items()):
            if running.future.done():
                self._collect(client, task, running)

    def _start_jobs(self, client: Client, n_slots: int) -> None:
        with self._changed:
            n_running = Counter(job.visitors[0] for job in self._running_jobs())
            for run_id in self._in_turn():
                job = self._jobs[run_id]
                if len(self._running) >= n_slots:
                    break
                if n_running[job.visitors[0]] >= self._environment.running_per_visitor:
                    continue
                task = f"{run_id}-{uuid.uuid4().hex[:8]}"
                spread = n_slots > 1 and job.settings.kind == "baseline"
                arguments = (job.settings.kind, job.settings.to_dict(), self._store.address, spread)
                future = client.submit(in_worker.execute, task, *arguments, key=task, pure=False)
                n_running[job.visitors[0]] += 1
                self._running[task] = _Running(run_id, future)
                self._waiting.remove(run_id)
                self._jobs[run_id] = replace(job, state=JobState.RUNNING, started=time.time())

    def _enforce_stops(self, client: Client) -> None:
        for task, running in list(self._running.items()):
            job = self._jobs[running.run_id]
            if job.state is not JobState.STOPPING:
                continue
            if running.deadline is None:
                running.deadline = time.monotonic() + _POLITE_SECONDS[job.settings.kind]
                # Every worker: folds may be anywhere, and what has not begun is to find it there.
                client.run(in_worker.request_stop, task, wait=False, on_error="ignore")
            elif time.monotonic() > running.deadline:
                # No flag can interrupt one long step of scikit-learn, or a compilation: the process must end.
                running.future.cancel(force=True)
                client.run(in_worker.leave, [task], wait=False, on_error="ignore")
                with self._changed:
                    self._end(running.run_id, JobState.STOPPED, message="Stopped. There was nothing to keep yet.")
                    del self._running[task]

    def _collect(self, client: Client, task: str, running: _Running) -> None:
        """Note how a task ended. It leaves `_running` last: until then `_take_back` would find it."""
        run_id, future = running.run_id, running.future
        if future.status == "finished":
            outcome = future.result()
            with self._changed:
                self._finish(run_id, outcome)
                del self._running[task]
            self._make_room()
            if outcome["memory"] > _RECYCLE_BYTES:
                client.run(in_worker.leave, [], workers=[outcome["worker"]], wait=False, on_error="ignore")
        elif future.status == "error":
            error = future.exception()
            logger.error("Run %s failed", run_id, exc_info=error)
            with self._changed:
                self._end(run_id, JobState.FAILED, message=_in_words(error))
                del self._running[task]
        else:  # lost together with the scheduler's memory of it
            self._put_back(task)

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

    def _make_room(self) -> None:
        try:
            self._store.make_room(self._environment.store_mb * 2**20)
        # A store that is too full is no reason to end anybody's training.
        except Exception:
            logger.exception("No room could be made in %s", self._store.address)

    def _end(self, run_id: str, state: JobState, **facts: Any) -> None:
        with self._changed:
            job = self._jobs[run_id]
            self._jobs[run_id] = replace(job, state=state, wanted_again=(), **facts)
            if job.wanted_again and state is not JobState.DONE:
                self._enqueue(run_id, job.settings, job.wanted_again)

    def _put_back(self, task: str) -> None:
        """What the cluster has lost waits again, first in line, unless its run came into the store before."""
        run_id = self._running[task].run_id
        kept = self._is_kept(run_id)
        with self._changed:
            job = self._jobs[run_id]
            if kept:
                self._end(run_id, JobState.DONE, saved_run_id=run_id)
            elif job.state is JobState.STOPPING:
                self._end(run_id, JobState.STOPPED, message="Stopped. Nothing was kept.")
            else:
                self._jobs[run_id] = replace(job, state=JobState.WAITING, progress=None, started=None)
                self._waiting.insert(0, run_id)
            del self._running[task]

    def _take_back(self) -> None:
        """The cluster is gone, and all that it was computing."""
        for task in reversed(list(self._running)):
            self._put_back(task)
        with self._changed:
            self._warm.clear()
            self._status = ClusterStatus(0, 0)

    def _forget_old(self) -> None:
        ended = [run_id for run_id, job in self._jobs.items() if not job.state.active]
        for run_id in ended[:-_KEPT_JOBS]:
            del self._jobs[run_id]

    # Dask's event thread.

    def _on_event(self, event: tuple[float, Mapping[str, Any]]) -> None:
        _, news = event
        with self._changed:
            if "warm" in news:
                self._warm.add(news["warm"])
                return
            running = self._running.get(news["task"])
            if running is None:
                return
            job = self._jobs[running.run_id]
            if "started" in news:  # perhaps anew, by Dask, in a worker that knows nothing of a stop
                running.deadline = None
                self._jobs[running.run_id] = replace(job, started=time.time(), progress=None)
            if "noticed" in news:
                running.deadline = math.inf
            if "progress" in news:
                report = Progress(**{**news["progress"], "rows": tuple(news["progress"]["rows"])})
                self._jobs[running.run_id] = replace(job, progress=report)


def _without(visitor: str, visitors: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(each for each in visitors if each != visitor)


def _refuse_without_certificate(address: str) -> None:
    """Say at once what no further attempt would mend."""
    if not address.startswith("tls:"):
        return
    try:
        problem = "" if Security().get_connection_args("client")["ssl_context"] else "none is named"
    except OSError as error:
        problem = str(error)
    if problem:
        raise FMNISTError(
            f"The scheduler {address} wants to see a certificate ({problem}). Name authority, certificate and key with "
            "DASK_DISTRIBUTED__COMM__TLS__CA_FILE, ..._TLS__CLIENT__CERT and ..._TLS__CLIENT__KEY."
        )


def _own_scheduler() -> SpecCluster:
    """A scheduler in this process, reachable from this machine only."""
    os.environ.setdefault("DASK_LOGGING__DISTRIBUTED", "error")
    # Dask's own default would let its dashboard listen on every interface.
    options = {"host": "127.0.0.1", "dashboard_address": "127.0.0.1:0"}
    scheduler = {"cls": Scheduler, "options": options}
    return SpecCluster(scheduler=scheduler, workers={}, name="fmnist", silence_logs=logging.ERROR)


def _seconds_left(job: Job, pace: float) -> float:
    """How long a running job will probably take yet."""
    left = job.seconds_left
    if left is not None:
        return left
    return max(pace * job.expected - (time.time() - (job.started or time.time())), 0.0)


def _in_words(error: BaseException | None) -> str:
    if isinstance(error, KilledWorker):
        return (
            "The worker process ended several times while it computed this, so it was given up. "
            "Try a smaller network, or try again."
        )
    if isinstance(error, OSError):  # its words alone: the path that may stand beside them is no visitor's business
        return (
            f"The computer that trains could not go on: {error.strerror or type(error).__name__}. "
            "When its host has mended that, e.g. made room on its disk, run it again."
        )
    return f"The computation failed ({type(error).__name__}). Other settings may work; the log has the details."

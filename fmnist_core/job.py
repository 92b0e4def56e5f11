"""A job, as pages see it: one experiment on its way to becoming a run. No Dask needed."""

from __future__ import annotations

import enum
import time
from dataclasses import dataclass
from functools import cached_property

from fmnist_core import cost
from fmnist_core.progress import Progress
from fmnist_core.settings import Settings


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
    wanted_again : tuple of str
        Who asked for it while it was being stopped. For them it is queued anew when it has ended.
    started : float or None
        When it was begun; seconds since 1970.
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
    wanted_again: tuple[str, ...] = ()
    started: float | None = None

    @cached_property
    def expected(self) -> float:
        """Seconds it would take on the machine where costs were measured."""
        return cost.expected_seconds(self.settings)

    @property
    def seconds_left(self) -> float | None:
        """How much longer it will run, as far as it has come; None while too little is done to tell."""
        if self.started is None or self.progress is None or self.progress.share < 0.05:
            return None
        elapsed = time.time() - self.started
        return elapsed / self.progress.share - elapsed


@dataclass(frozen=True)
class ClusterStatus:
    """Who computes: how many workers there are, and how many of them have done loading TensorFlow and the data.

    One that could not load them says so in its log, and to whoever asks it for a run.
    """

    n_workers: int
    n_warm: int

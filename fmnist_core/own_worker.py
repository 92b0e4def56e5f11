"""The worker of this machine: a program of its own, kept alive."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

logger = logging.getLogger(__name__)

_ABSENT_SECONDS = 60.0  # a worker that lives so long without the scheduler knowing it is replaced
# What ends before the scheduler has met it would probably do so again: each time the next start waits twice as long.
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 30.0


class OwnWorker:
    """The worker of this machine: the same ``dask worker`` as elsewhere, kept alive.

    A fresh program, not `multiprocessing`: that would run this process's main script again in it, which under
    Streamlit is a page. Without Dask's nanny, which nobody would watch over.

    One that ends before it has met the scheduler is started again after a pause that grows to half a minute.

    Parameters
    ----------
    scheduler : str
        The address to join.
    advice : mapping
        Environment variables that Dask advises for its workers; those of this process come before them.
    """

    def __init__(self, scheduler: str, advice: Mapping[str, object]) -> None:
        options = {
            "host": "127.0.0.1",
            "dashboard-address": "127.0.0.1:0",
            "nthreads": 1,
            "memory-limit": 0,
            # Seconds to start and to meet the server, all imports included: 15 were too few on a busy machine, and a
            # job for which four workers had come and gone was given up.
            "death-timeout": 60,
        }
        self._command = [sys.executable, "-m", "dask", "worker", scheduler, "--no-nanny"]
        self._command += [text for name, value in options.items() for text in (f"--{name}", str(value))]
        self._environment = _environment(advice)
        self._process: subprocess.Popen[bytes] | None = None
        self._seen = 0.0
        self._met = False  # whether the scheduler has ever known this process
        self._pause = 0.0
        self._next_start = 0.0

    def keep(self, seen: bool) -> None:
        """Start the program when it does not run, or runs and has not been seen by the scheduler for long."""
        now = time.monotonic()
        if self._process is not None:
            code = self._process.poll()
            if code is None and seen:
                self._seen, self._met = now, True
            if code is None and now - self._seen < _ABSENT_SECONDS:
                return
            self.end()
            self._pause = 0.0 if self._met else min(max(2 * self._pause, _FIRST_PAUSE), _LONGEST_PAUSE)
            self._next_start = now + self._pause
            what = "was not heard of for long" if code is None else f"ended with exit code {code}"
            logger.warning("The worker %s; the next one starts in %.0f s", what, self._pause)
        if now >= self._next_start:
            self._process = subprocess.Popen(self._command, env=self._environment, stdin=subprocess.PIPE)  # noqa: S603  (no word of it is a visitor's)
            self._seen, self._met = now, False

    def end(self) -> None:
        """End the program; nothing of it is worth waiting for."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


def _environment(advice: Mapping[str, object]) -> dict[str, str]:
    """What the worker's program inherits: quiet logs, Dask's own advice, and where this package lies."""
    root = str(Path(__file__).resolve().parent.parent)
    return {
        "TF_CPP_MIN_LOG_LEVEL": "2",
        **{name: str(value) for name, value in advice.items()},
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")])),
    }

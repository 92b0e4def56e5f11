"""The worker of this machine: a program of its own, kept alive."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

_ABSENT_SECONDS = 60.0  # a worker that lives so long without the scheduler knowing it is replaced


class OwnWorker:
    """The worker of this machine: the same ``dask worker`` as elsewhere, kept alive.

    A fresh program, not `multiprocessing`: that would run this process's main script again in it, which under
    Streamlit is a page. Without Dask's nanny, which nobody would watch over.

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
            "death-timeout": 15,  # seconds until it gives up a server that was killed before they had met
        }
        self._command = [sys.executable, "-m", "dask", "worker", scheduler, "--no-nanny"]
        self._command += [text for name, value in options.items() for text in (f"--{name}", str(value))]
        self._environment = _environment(advice)
        self._process: subprocess.Popen[bytes] | None = None
        self._seen = 0.0

    def keep(self, seen: bool) -> None:
        """Start the program when it does not run, or runs and has not been seen by the scheduler for long."""
        now = time.monotonic()
        if self._process is not None and self._process.poll() is None:
            if seen:
                self._seen = now
            if now - self._seen < _ABSENT_SECONDS:
                return
        self.end()
        self._process = subprocess.Popen(self._command, env=self._environment, stdin=subprocess.PIPE)  # noqa: S603  (no word of it is a visitor's)
        self._seen = now

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

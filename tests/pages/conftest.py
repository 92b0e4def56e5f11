"""Pages without a server: a queue that computes nothing, and a run store of their own."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from fmnist_core import Job, JobRefused, JobState, RunStore
from fmnist_core.dataset import DATA_DIGEST
from fmnist_core.job import ClusterStatus
from fmnist_core.runs import identify
from fmnist_core.settings import Settings
from pages.parts import engine

FRAME = Path(__file__).resolve().parents[2] / "pages" / "frame.py"


class IdleQueue:
    """What a `JobQueue` looks like from a page; a test decides how its jobs stand."""

    def __init__(self) -> None:
        self.state: dict[str, Job] = {}
        self.status = ClusterStatus(1, 1)
        self.why_idle = "The worker is starting."
        self.stopped: list[str] = []

    def submit(self, settings: Settings, visitor: str = "") -> Job:
        run_id = identify(settings, DATA_DIGEST)
        return self.state.setdefault(run_id, Job(run_id, settings, JobState.WAITING))

    def job(self, run_id: str) -> Job | None:
        return self.state.get(run_id)

    def jobs(self) -> list[Job]:
        return list(self.state.values())

    def stop(self, run_id: str, visitor: str = "") -> None:
        self.stopped.append(run_id)

    def predict(self, run_id: str, images: np.ndarray) -> np.ndarray:
        raise JobRefused("Nobody computes here.")

    def stand(self, settings: Settings, **facts: object) -> None:
        """Let the job of `settings` stand as a test needs it."""
        job = self.submit(settings)
        self.state[job.run_id] = replace(job, **facts)


@pytest.fixture
def queue() -> IdleQueue:
    return IdleQueue()


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    return RunStore(tmp_path / "runs")


@pytest.fixture
def open_page(queue: IdleQueue, store: RunStore) -> Callable[..., AppTest]:
    """Run a page inside its frame, with an address if one is given."""
    engine.use(queue, store)

    def open_one(path: str, **query: str | list[str]) -> AppTest:
        app = AppTest.from_file(str(FRAME), default_timeout=30)
        if path != "explorer.py":
            app.switch_page(path)
        for name, value in query.items():
            app.query_params[name] = value
        return app.run()

    return open_one


def texts(app: AppTest) -> str:
    """All that a visitor can read, in one string."""
    kinds = ("title", "header", "subheader", "markdown", "caption", "info", "warning", "error", "success")
    return "\n".join(str(element.value) for kind in kinds for element in getattr(app, kind))


def galleries(app: AppTest) -> list[dict[str, Any]]:
    """What each gallery of the page was given to draw, from the top."""
    return [json.loads(each.proto.json) for each in app.get("bidi_component") if each.proto.component_name == "gallery"]

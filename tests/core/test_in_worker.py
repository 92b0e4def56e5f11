"""What runs in a worker's process, run in this one."""

import os
import threading
from types import SimpleNamespace

import pytest
from distributed import Client

from fmnist_core import BaselineSettings, in_worker
from fmnist_core.progress import Stopped
from fmnist_core.runs import identify
from tests.asynchronous import finish
from tests.core.test_jobs import wait_for
from tests.core.test_runs import baseline_run

SHORT = BaselineSettings(folds=3, max_iter=1)


@pytest.fixture
def worker(monkeypatch):
    """Stands for Dask's worker; `events` has what it reported."""
    events = []
    worker = SimpleNamespace(address="tcp://here", events=events, log_event=lambda _, event: events.append(event))
    monkeypatch.setattr(in_worker, "get_worker", lambda: worker)
    return worker


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    """As in a process that has just begun."""
    monkeypatch.setattr(in_worker, "_under_way", [])
    in_worker._stop_requests.clear()


def test_what_was_asked_to_stop_before_it_began_stops(worker, tmp_path):
    finish(in_worker.request_stop("task"))
    outcome = in_worker.execute("task", "baseline", SHORT.to_dict(), str(tmp_path), False)
    assert outcome["stopped"]
    assert "saved" not in outcome
    assert worker.events[0] == {"task": "task", "started": True}
    assert {"task": "task", "noticed": True} in worker.events
    assert not in_worker._under_way


def test_what_an_attempt_that_was_taken_for_lost_has_kept_is_not_written_anew(worker, tmp_path, monkeypatch):
    monkeypatch.setattr(in_worker, "compute_run", lambda *_: baseline_run(1))
    written = []
    for attempt in ("one", "other"):
        outcome = in_worker.execute(attempt, "baseline", SHORT.to_dict(), str(tmp_path), False)
        (path,) = tmp_path.iterdir()
        assert path.name == f"{outcome['saved']}.zip"
        written.append(path.stat().st_ino)
    assert written[0] == written[1]


def test_only_the_latest_requests_are_remembered():
    async def ask_all():
        for number in range(1000):
            await in_worker.request_stop(f"task {number}")

    finish(ask_all())
    assert len(in_worker._stop_requests) == 100
    assert "task 999" in in_worker._stop_requests


@pytest.mark.parametrize(
    ("under_way", "tasks", "leaves"),
    [
        (["one"], ["one"], True),
        (["one", "one"], ["one"], True),
        (["one", "other"], ["one"], False),
        (["other"], ["one"], False),
        ([], ["one"], False),
        ([], [], True),
        (["one"], [], False),
    ],
)
def test_a_process_ends_only_with_the_tasks_it_was_named(under_way, tasks, leaves, monkeypatch):
    codes = []
    monkeypatch.setattr(in_worker, "os", SimpleNamespace(_exit=codes.append))
    in_worker._under_way.extend(under_way)
    finish(in_worker.leave(tasks))
    assert codes == ([1] if leaves else [])


def test_a_worker_that_cannot_load_everything_says_so_and_is_not_waited_for(worker, monkeypatch, caplog):
    def fail():
        raise ImportError("no TensorFlow here")

    monkeypatch.setattr("fmnist_core.network.warm_up", fail)
    in_worker.WarmUp._load(worker)
    assert worker.events == [{"warm": "tcp://here"}]
    assert "no TensorFlow here" in caplog.text


def test_a_spread_baseline_that_is_stopped_gives_up_its_folds_while_some_still_run(monkeypatch, tmp_path):
    begun, may_end = [], threading.Event()

    def long_fold(dataset, settings, number, should_stop):
        begun.append(number)
        may_end.wait(60)
        raise Stopped

    monkeypatch.setattr(in_worker, "run_fold", long_fold)
    task = identify(SHORT, "data")
    with Client(n_workers=2, threads_per_worker=1, processes=False, dashboard_address=":0") as client:
        arguments = (task, "baseline", SHORT.to_dict(), os.fspath(tmp_path), True)
        future = client.submit(in_worker.execute, *arguments, key=task, pure=False)
        try:
            wait_for(lambda: len(begun) == 2, 30)
            finish(in_worker.request_stop(task))
            wait_for(lambda: client.run_on_scheduler(_n_folds, task=task) == 0, 30)
        finally:
            may_end.set()
        assert future.result(timeout=30)["stopped"]
    assert len(begun) == 2


def _n_folds(dask_scheduler, task):
    return sum(str(key).startswith(f"{task}-") for key in dask_scheduler.tasks)

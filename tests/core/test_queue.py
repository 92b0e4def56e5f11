"""What the queue makes of its wishes and of what it hears, with a cluster that the test plays."""

import contextlib
import errno
import os
import time
from dataclasses import asdict, replace

import pytest

from fmnist_core import BaselineSettings, JobQueue, JobRefused, JobState, NetworkSettings, RunStore
from fmnist_core import jobs as jobs_module
from fmnist_core.dataset import DATA_DIGEST
from fmnist_core.environment import Environment
from fmnist_core.progress import Progress
from fmnist_core.runs import identify
from tests.core.test_jobs import wait_for
from tests.examples import baseline_run

FIRST, SECOND, THIRD = (NetworkSettings(seed=seed) for seed in (1, 2, 3))


class PlayedFuture:
    status = "pending"

    def done(self):
        return self.status != "pending"

    def result(self):
        return self.outcome

    def finish(self, stopped=False, saved=None, memory=0):
        self.outcome = {"stopped": stopped, "saved": saved, "worker": "worker-0", "memory": memory}
        self.status = "finished"

    def fail(self, error):
        self.error = error
        self.status = "error"

    def exception(self):
        return self.error

    def cancel(self, force=False):
        self.status = "cancelled"


class PlayedCluster:
    """Stands for Dask's client. `calls` has what it was asked for; `futures`, what it was given, by task."""

    def __init__(self):
        self.n_workers = 1
        self.n_connections = 0
        self.status = "closed"
        self.futures = {}
        self.calls = []

    def nthreads(self):
        return {f"worker-{number}": 1 for number in range(self.n_workers)}

    def submit(self, function, task, *arguments, key, pure):
        self.calls.append((function.__name__, task, None))
        self.futures[task] = PlayedFuture()
        return self.futures[task]

    def run(self, function, what, workers=None, wait=True, on_error="raise"):
        self.calls.append((function.__name__, what, workers))

    @contextlib.contextmanager
    def connect(self):
        self.n_connections += 1
        self.status = "running"
        yield self

    def tasks(self, settings):
        """The tasks that were made of these settings, when there is one at last."""
        run_id = identify(settings, DATA_DIGEST)
        return wait_for(lambda: [task for task in list(self.futures) if task.startswith(run_id)], 10)

    def next_task(self, settings, former):
        """The task that follows `former`, which was lost or stopped."""
        return wait_for(lambda: (task := self.tasks(settings)[-1]) != former and task, 10)


class PlayedStore(RunStore):
    """A bucket that can be out of reach."""

    reachable = True

    def _reach(self):
        if not self.reachable:
            raise OSError("the bucket cannot be reached")

    def __contains__(self, run_id):
        self._reach()
        return super().__contains__(run_id)

    def make_room(self, most_bytes):
        self._reach()
        return super().make_room(most_bytes)


@pytest.fixture
def cluster(monkeypatch):
    played = PlayedCluster()
    monkeypatch.setattr(JobQueue, "_connect", played.connect)
    return played


@pytest.fixture
def store(tmp_path):
    return PlayedStore(tmp_path, Environment().prepared)


@pytest.fixture
def queue(cluster, store):
    with JobQueue(store, DATA_DIGEST, Environment(asked_per_visitor=2)) as queue:
        yield queue


def state_of(queue, settings):
    return queue.job(identify(settings, DATA_DIGEST)).state


def wait_for_state(queue, settings, state):
    wait_for(lambda: state_of(queue, settings) is state, 10)


def test_a_store_out_of_reach_costs_no_job(queue, cluster, store):
    queue.submit(FIRST)
    (task,) = cluster.tasks(FIRST)
    store.reachable = False
    cluster.status = "lost"
    cluster.futures[cluster.next_task(FIRST, task)].finish()
    wait_for_state(queue, FIRST, JobState.DONE)
    queue.submit(SECOND)
    assert cluster.tasks(SECOND)


def test_a_store_that_makes_no_room_costs_nobody_the_worker(queue, cluster, store):
    cluster.n_workers = 2
    queue.submit(FIRST)
    queue.submit(SECOND)
    (first,), (second,) = cluster.tasks(FIRST), cluster.tasks(SECOND)
    store.reachable = False
    cluster.futures[first].finish()
    wait_for_state(queue, FIRST, JobState.DONE)
    cluster.futures[second].finish()
    wait_for_state(queue, SECOND, JobState.DONE)
    assert cluster.n_connections == 1


def test_what_was_computing_when_the_cluster_was_lost_is_first_in_line(queue, cluster):
    queue.submit(FIRST)
    queue.submit(SECOND)
    (task,) = cluster.tasks(FIRST)
    cluster.status = "lost"
    cluster.futures[cluster.next_task(FIRST, task)].finish()
    assert cluster.tasks(SECOND)


def test_what_came_into_the_store_before_the_cluster_was_lost_is_done(queue, cluster, store):
    run_id = queue.submit(FIRST).run_id
    cluster.tasks(FIRST)
    store._shelf.write(f"{run_id}.zip", b"what the lost worker published")
    cluster.status = "lost"
    wait_for_state(queue, FIRST, JobState.DONE)
    assert queue.job(run_id).saved_run_id == run_id


def test_what_was_being_stopped_when_the_cluster_was_lost_is_stopped(queue, cluster):
    run_id = queue.submit(FIRST).run_id
    cluster.tasks(FIRST)
    queue.stop(run_id)
    cluster.status = "lost"
    wait_for_state(queue, FIRST, JobState.STOPPED)
    assert queue.job(run_id).message == "Stopped. Nothing was kept."


def test_of_what_has_ended_only_the_latest_is_remembered(cluster, store):
    cluster.n_workers, run_ids = 0, []
    with JobQueue(store, DATA_DIGEST) as queue:
        for seed in range(250):
            run_ids.append(queue.submit(NetworkSettings(seed=seed)).run_id)
            queue.stop(run_ids[-1])
        assert [job.run_id for job in queue.jobs()] == run_ids[-201:]
        assert queue.job(run_ids[0]) is None


def test_who_waits_is_told_how_long_by_how_far_the_one_before_has_come(queue, cluster):
    queue.submit(FIRST)
    queue.submit(SECOND)
    (task,) = cluster.tasks(FIRST)
    long_ago = replace(queue.job(identify(FIRST, DATA_DIGEST)), started=time.time() - 600)
    queue._jobs[long_ago.run_id] = long_ago
    queue._on_event((0.0, {"task": task, "progress": asdict(Progress("epoch", 4, 4, 0.0))}))
    assert queue.job(identify(SECOND, DATA_DIGEST)).wait == pytest.approx(200, rel=0.1)


def test_a_prepared_run_whose_computation_was_lost_is_computed_again(queue, cluster, store):
    settings = BaselineSettings()
    assert store.is_prepared(identify(settings, DATA_DIGEST))
    queue.submit(settings)
    (task,) = cluster.tasks(settings)
    cluster.status = "lost"
    assert cluster.next_task(settings, task)


def test_a_stop_is_sent_before_the_computation_has_begun_and_again_when_it_begins(queue, cluster):
    run_id = queue.submit(FIRST).run_id
    (task,) = cluster.tasks(FIRST)
    queue.stop(run_id)
    wait_for(lambda: cluster.calls.count(("request_stop", task, None)) == 1, 10)
    queue._on_event((0.0, {"task": task, "started": True}))
    wait_for(lambda: cluster.calls.count(("request_stop", task, None)) == 2, 10)
    cluster.futures[task].finish(stopped=True)
    wait_for_state(queue, FIRST, JobState.STOPPED)


@pytest.mark.parametrize("n_workers", [1, 2])
def test_a_stop_that_is_not_noticed_ends_the_workers_of_this_task(queue, cluster, n_workers, monkeypatch):
    """`leave` names the task, and each worker decides: see `test_in_worker`."""
    monkeypatch.setitem(jobs_module._POLITE_SECONDS, "baseline", 0.0)
    cluster.n_workers = n_workers
    settings = BaselineSettings(folds=3)
    run_id = queue.submit(settings).run_id
    (task,) = cluster.tasks(settings)
    queue.stop(run_id)
    wait_for_state(queue, settings, JobState.STOPPED)
    assert cluster.futures[task].status == "cancelled"
    assert cluster.calls[-1] == ("leave", [task], None)


def test_who_asks_for_what_is_being_stopped_gets_it_all_the_same(queue, cluster):
    run_id = queue.submit(FIRST, "one").run_id
    (task,) = cluster.tasks(FIRST)
    queue.stop(run_id, "one")
    for visitor in ("other", "third"):
        assert queue.submit(FIRST, visitor).state is JobState.STOPPING
    queue.stop(run_id, "third")
    cluster.futures[task].finish(stopped=True)
    assert cluster.next_task(FIRST, task)
    assert queue.job(run_id).visitors == ("other",)
    assert queue.job(run_id).wanted_again == ()


def test_who_asks_twice_is_counted_once_and_what_nobody_asked_for_can_be_stopped_in_vain(queue, cluster):
    for _ in range(2):
        run_id = queue.submit(FIRST, "one").run_id
    cluster.tasks(FIRST)
    assert queue.job(run_id).visitors == ("one",)
    queue.stop(identify(SECOND, DATA_DIGEST), "one")
    queue.stop(run_id, "one")
    for _ in range(2):
        queue.submit(FIRST, "other")
    assert queue.job(run_id).wanted_again == ("other",)


def test_what_was_finished_before_it_could_be_stopped_is_not_computed_again(queue, cluster):
    run_id = queue.submit(FIRST, "one").run_id
    (task,) = cluster.tasks(FIRST)
    queue.stop(run_id, "one")
    queue.submit(FIRST, "other")
    cluster.futures[task].finish(saved=run_id)
    wait_for_state(queue, FIRST, JobState.DONE)


def test_a_wish_for_what_is_being_stopped_counts(queue, cluster):
    run_id = queue.submit(FIRST, "one").run_id
    cluster.tasks(FIRST)
    queue.stop(run_id, "one")
    for settings in (FIRST, SECOND):
        queue.submit(settings, "other")
    with pytest.raises(JobRefused, match="You have 2 trainings"):
        queue.submit(THIRD, "other")


def test_what_a_former_attempt_reports_is_not_heard(queue, cluster):
    run_id = queue.submit(FIRST).run_id
    (former,) = cluster.tasks(FIRST)
    cluster.status = "lost"
    task = cluster.next_task(FIRST, former)
    wait_for_state(queue, FIRST, JobState.RUNNING)
    report = Progress("epoch", 3, 5, 0.5)
    queue._on_event((0.0, {"task": former, "noticed": True, "progress": asdict(report)}))
    assert queue.job(run_id).progress is None
    assert queue._running[task].deadline is None
    queue._on_event((0.0, {"task": task, "progress": asdict(report)}))
    assert queue.job(run_id).progress == report
    cluster.futures[task].finish()
    wait_for_state(queue, FIRST, JobState.DONE)
    assert not queue._running


def test_a_worker_that_has_grown_is_renewed_between_two_jobs(queue, cluster):
    queue.submit(FIRST)
    queue.submit(SECOND)
    cluster.futures[cluster.tasks(FIRST)[0]].finish(memory=2**31)
    cluster.tasks(SECOND)
    assert [name for name, _, _ in cluster.calls] == ["execute", "leave", "execute"]
    assert cluster.calls[1] == ("leave", [], ["worker-0"])


def test_a_visitors_second_training_waits_although_a_worker_is_free(cluster, store):
    cluster.n_workers = 3
    with JobQueue(store, DATA_DIGEST, Environment(running_per_visitor=1)) as queue:
        for settings, visitor in ((FIRST, "eager"), (SECOND, "eager"), (THIRD, "late")):
            queue.submit(settings, visitor)
        (first,), _ = cluster.tasks(FIRST), cluster.tasks(THIRD)
        assert state_of(queue, SECOND) is JobState.WAITING
        cluster.futures[first].finish()
        assert cluster.tasks(SECOND)


def test_a_computer_that_cannot_go_on_is_told_apart_from_settings_that_fail(queue, cluster, caplog):
    run_id = queue.submit(FIRST).run_id
    cluster.futures[cluster.tasks(FIRST)[0]].fail(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/secret/file"))
    wait_for_state(queue, FIRST, JobState.FAILED)
    message = queue.job(run_id).message
    assert message.startswith("The computer that trains could not go on: No space left on device.")
    assert "run it again" in message
    assert "secret" not in message
    assert "secret" in caplog.text


def test_what_fails_unforeseen_gets_a_sentence_and_the_next_begins(queue, cluster, caplog):
    run_id = queue.submit(FIRST).run_id
    queue.submit(SECOND)
    cluster.futures[cluster.tasks(FIRST)[0]].fail(ZeroDivisionError("for the log alone"))
    wait_for_state(queue, FIRST, JobState.FAILED)
    assert queue.job(run_id).message == (
        "The computation failed (ZeroDivisionError). Other settings may work; the log has the details."
    )
    assert "for the log alone" in caplog.text
    assert cluster.tasks(SECOND)


def test_after_a_training_the_oldest_runs_leave_a_store_that_has_become_too_large(cluster, store, dataset):
    shared, old, new = (baseline_run(dataset, BaselineSettings(seed=seed)) for seed in (1, 2, 3))
    for day, run in enumerate((shared, old, new), start=1):
        store.publish(replace(run, record=replace(run.record, created=f"2026-01-0{day}T00:00:00+00:00")))
    store.share(shared.run_id)
    (size,) = {size // 2**20 for _, size in store._shelf.stamps().values() if size}
    with JobQueue(store, DATA_DIGEST, Environment(store_mb=2 * size + 2)) as queue:
        queue.submit(FIRST)
        cluster.futures[cluster.tasks(FIRST)[0]].finish()
        wait_for(lambda: old.run_id not in store, 10)
    assert shared.run_id in store
    assert new.run_id in store


def test_what_pages_read_changes_only_under_the_lock(queue, cluster):
    """A page that counted what is running failed now and then: "dictionary changed size during iteration"."""
    changes = []

    class Watched(dict):
        def __setitem__(self, task, running):
            changes.append(queue._changed._is_owned())
            super().__setitem__(task, running)

        def __delitem__(self, task):
            changes.append(queue._changed._is_owned())
            super().__delitem__(task)

    queue._running = Watched()
    queue.submit(FIRST)
    (task,) = cluster.tasks(FIRST)
    cluster.status = "lost"
    task = cluster.next_task(FIRST, task)
    cluster.futures[task].status = "cancelled"
    task = cluster.next_task(FIRST, task)
    cluster.futures[task].finish()
    wait_for(lambda: len(changes) == 6, 10)
    assert all(changes)

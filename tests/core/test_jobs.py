"""The queue with a real cluster, a real worker process, and real computations."""

import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import dask
import numpy as np
import psutil
import pytest

from fmnist_core import (
    BaselineSettings,
    JobQueue,
    JobRefused,
    JobState,
    NetworkSettings,
    RunNotFound,
    RunStore,
    jobs,
    load_dataset,
)
from fmnist_core.dataset import DATA_DIGEST
from fmnist_core.environment import Environment
from fmnist_core.runs import identify

SHORT = NetworkSettings(epochs=1, batch_size=512)
LONG = NetworkSettings(epochs=50, hidden_units=(512, 512), batch_size=16)


@pytest.fixture(scope="module")
def queue(tmp_path_factory):
    queue = JobQueue(RunStore(tmp_path_factory.mktemp("runs")), DATA_DIGEST)
    yield queue
    process = worker_of(queue)
    queue.close()
    assert not process.is_running()


@pytest.fixture
def store(queue):
    return queue._store


def worker_of(queue):
    """The process that computes, once it has been started."""

    def look():
        own = queue._own_worker
        started = own and own._process
        if not started:
            return None
        try:
            return psutil.Process(started.pid)
        except psutil.NoSuchProcess:  # killed a moment ago, and not replaced yet
            return None

    return wait_for(look)


def wait_for(condition, seconds=90.0):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"nothing came of it in {seconds} s")


def ended(queue, settings, seconds=180.0):
    run_id = identify(settings, DATA_DIGEST)

    def look():
        job = queue.job(run_id)
        return job if job is not None and not job.state.active else None

    return wait_for(look, seconds)


def under_way(queue, settings):
    run_id = identify(settings, DATA_DIGEST)
    return wait_for(lambda: (job := queue.job(run_id)) and job.progress is not None and job.progress.rows and job)


def test_equal_settings_share_one_job_and_one_run(queue, store):
    first = queue.submit(SHORT)
    second = queue.submit(NetworkSettings(**SHORT.to_dict()))
    assert first.run_id == second.run_id
    assert sum(job.run_id == first.run_id for job in queue.jobs()) == 1
    job = ended(queue, SHORT)
    assert (job.state, job.saved_run_id) == (JobState.DONE, first.run_id)
    run = store.load(first.run_id)
    assert run.settings == SHORT
    assert 0.7 < run.result.validation_accuracy < 0.9
    again = queue.submit(SHORT)
    assert (again.state, again.saved_run_id) == (JobState.DONE, first.run_id)


def test_a_training_reports_each_epoch_and_can_be_stopped_with_what_it_learned(queue, store):
    queue.submit(LONG)
    job = under_way(queue, LONG)
    assert (job.state, job.progress.unit, job.progress.total) == (JobState.RUNNING, "epoch", 50)
    start = time.monotonic()
    queue.stop(job.run_id)
    job = ended(queue, LONG)
    assert time.monotonic() - start < 30  # a second on an idle machine
    assert job.state is JobState.STOPPED
    assert job.saved_run_id != job.run_id
    assert job.run_id not in store
    kept = store.load(job.saved_run_id)
    assert kept.record.stopped_after is not None
    assert kept.settings == LONG


def test_a_kept_network_is_asked_beside_a_training(queue, store):
    queue.submit(SHORT)
    wait_for(lambda: identify(SHORT, DATA_DIGEST) in store)
    run = store.load(identify(SHORT, DATA_DIGEST))
    busy = NetworkSettings(epochs=50, batch_size=16)
    queue.submit(busy)
    under_way(queue, busy)
    images = load_dataset().test.images[:10]
    answers = queue.predict(run.run_id, images)
    np.testing.assert_allclose(answers, run.result.test_probabilities[:10], atol=1e-5)
    np.testing.assert_array_equal(queue.predict(run.run_id, images), answers)
    with pytest.raises(RunNotFound, match="There is no run"):
        queue.predict("0123456789abcdef", images)
    with pytest.raises(ValueError, match="1 to 100 pictures of 28 x 28"):
        queue.predict(run.run_id, images.astype(float))
    assert queue.job(identify(busy, DATA_DIGEST)).state is JobState.RUNNING
    queue.stop(identify(busy, DATA_DIGEST))
    ended(queue, busy)


def test_without_a_worker_a_question_is_refused_with_a_sentence(tmp_path):
    refused = pytest.raises(JobRefused, match="The worker is starting")
    with JobQueue(RunStore(tmp_path), DATA_DIGEST) as queue, refused:  # at once: no process starts as fast
        queue.predict("0123456789abcdef", np.zeros((1, 28, 28), np.uint8))
    assert queue._own_worker is None or queue._own_worker._process is None


def test_a_page_does_not_wait_for_a_worker_that_gives_no_answer(queue, monkeypatch):
    wait_for(lambda: queue.status.n_workers == 1)
    process, nobody = worker_of(queue), ("0123456789abcdef", np.zeros((1, 28, 28), np.uint8))
    monkeypatch.setattr(jobs, "_ANSWER_SECONDS", 0.3)
    process.suspend()
    try:
        with pytest.raises(JobRefused, match=r"The worker gave no answer\. Try again in a few seconds\."):
            queue.predict(*nobody)
    finally:
        process.resume()
    monkeypatch.setattr(jobs, "_ANSWER_SECONDS", 90)  # it may be loading TensorFlow yet, on a machine that is busy
    with pytest.raises(RunNotFound):
        queue.predict(*nobody)


FORGETFUL = """
import sys, time
from fmnist_core import JobQueue, RunStore
from fmnist_core.dataset import DATA_DIGEST

queue = JobQueue(RunStore(sys.argv[1]), DATA_DIGEST)
while not queue.status.n_workers:
    time.sleep(0.02)
print(queue._own_worker._process.pid)
"""


def test_a_program_that_forgets_to_close_the_queue_ends_and_its_worker_too(tmp_path):
    command = [sys.executable, "-c", FORGETFUL, str(tmp_path)]
    root = Path(__file__).resolve().parents[2]
    answer = subprocess.run(command, capture_output=True, text=True, check=True, timeout=90, cwd=root)
    wait_for(lambda: not psutil.pid_exists(int(answer.stdout)), 20)
    assert "Traceback" not in answer.stderr


def test_what_waits_has_a_position_and_can_be_taken_out(queue, store):
    queue.submit(LONG)
    under_way(queue, LONG)
    waiting = queue.submit(NetworkSettings(epochs=2))
    assert queue.job(waiting.run_id).state is JobState.WAITING
    assert queue.job(waiting.run_id).position == 1
    queue.stop(waiting.run_id)
    assert queue.job(waiting.run_id).state is JobState.STOPPED
    queue.stop(identify(LONG, DATA_DIGEST))
    ended(queue, LONG)
    assert waiting.run_id not in store


def test_a_run_that_cannot_be_kept_fails_with_a_sentence(queue, store):
    settings = NetworkSettings(epochs=1, batch_size=512, seed=3)
    folder = Path(store.address)
    hidden = folder.with_name("hidden")
    folder.rename(hidden)
    folder.write_text("a file where the folder was")
    try:
        queue.submit(settings)
        job = ended(queue, settings)
    finally:
        folder.unlink()
        hidden.rename(folder)
    assert job.state is JobState.FAILED
    assert "FMNIST_RUNS" in job.message
    queue.submit(settings)
    assert ended(queue, settings).state is JobState.DONE


def test_nothing_listens_outside_this_machine(queue):
    wait_for(lambda: queue.status.n_workers == 1)
    for process in [psutil.Process(), worker_of(queue)]:
        for connection in process.net_connections(kind="inet"):
            if connection.status == psutil.CONN_LISTEN:
                assert connection.laddr.ip == "127.0.0.1", (process.name(), connection)


def test_a_step_that_cannot_be_interrupted_is_stopped_all_the_same(queue, store):
    """One class of one fold takes many seconds here, and scikit-learn asks nobody meanwhile."""
    endless = BaselineSettings(max_iter=100, folds=10, alpha=1e-7)
    queue.submit(endless)
    run_id = identify(endless, DATA_DIGEST)
    wait_for(lambda: queue.job(run_id).progress is not None)
    start = time.monotonic()
    queue.stop(run_id)
    assert ended(queue, endless).state is JobState.STOPPED
    assert time.monotonic() - start < 5
    assert run_id not in store


def test_a_killed_worker_is_replaced_and_the_job_ends_all_the_same(queue, store):
    settings = NetworkSettings(epochs=10, batch_size=512, seed=2, hidden_units=(64,))
    queue.submit(settings)
    under_way(queue, settings)
    worker_of(queue).kill()
    job = ended(queue, settings)
    assert job.state is JobState.DONE
    assert store.load(job.saved_run_id).record.stopped_after is None


def test_a_job_during_which_workers_end_again_and_again_is_given_up_with_a_sentence(tmp_path):
    twice = dask.config.set({"distributed.scheduler.allowed-failures": 1})  # Dask's own limit is four times
    with twice, JobQueue(RunStore(tmp_path), DATA_DIGEST) as queue:
        queue.submit(LONG)
        for _ in range(2):
            wait_for(lambda: queue.status.n_workers and any(queue._client.processing().values()))
            worker_of(queue).kill()
            wait_for(lambda: not queue.status.n_workers)
        job = ended(queue, LONG)
    assert job.state is JobState.FAILED
    assert "ended several times while it computed this, so it was given up" in job.message


def test_a_queue_whose_worker_is_killed_again_and_again_has_one_again_in_seconds(queue):
    """The later ones are new and have not met the scheduler: nothing but the queue could notice."""
    for _ in range(3):
        before = worker_of(queue)
        before.kill()
        wait_for(lambda before=before: worker_of(queue) != before, 5)
    wait_for(lambda: queue.status.n_workers == 1, 20)


@pytest.fixture
def line(tmp_path, monkeypatch):
    """A queue for strangers in which everything waits, because no worker ever comes."""
    monkeypatch.setattr("fmnist_core.own_worker.OwnWorker.keep", lambda self, seen: None)
    limits = Environment(hosted=True, queue=5, running_per_visitor=1, asked_per_visitor=3, seconds=600)
    with JobQueue(RunStore(tmp_path), DATA_DIGEST, limits) as queue:
        yield queue


def numbered(n):
    return NetworkSettings(seed=n)


def test_everybodys_first_comes_before_anybodys_second(line):
    for n, visitor in enumerate(["eager", "eager", "eager", "late", "later"]):
        line.submit(numbered(n), visitor)
    jobs = sorted(line.jobs(), key=lambda job: job.position)
    assert [job.settings.seed for job in jobs] == [0, 3, 4, 1, 2]
    assert [job.position for job in jobs] == [0, 1, 2, 3, 4]
    assert jobs[0].wait == 0.0
    assert all(earlier.wait < later.wait for earlier, later in pairwise(jobs))


def test_what_is_too_much_is_refused_with_a_sentence(line):
    for n in range(3):
        line.submit(numbered(n), "eager")
    with pytest.raises(JobRefused, match="You have 3 trainings"):
        line.submit(numbered(3), "eager")
    line.submit(numbered(3), "second")
    line.submit(numbered(4), "third")
    with pytest.raises(JobRefused, match=r"The queue is full: 5 trainings wait. Try again in about \d+ seconds"):
        line.submit(numbered(5), "fourth")
    with pytest.raises(JobRefused, match=r"this server gives 10 minutes to each run\. Choose fewer epochs"):
        line.submit(NetworkSettings(epochs=50, convolution_filters=(128, 128, 128)), "fourth")
    assert len(line.jobs()) == 5
    line.submit(numbered(4), "fourth")  # to join what waits already costs nothing


def test_a_visitor_takes_back_only_what_was_asked_for(line):
    job = line.submit(numbered(1), "one")
    line.submit(numbered(1), "other")
    line.stop(job.run_id, "stranger")
    assert line.job(job.run_id).visitors == ("one", "other")
    line.stop(job.run_id, "one")
    assert line.job(job.run_id).state is JobState.WAITING
    line.stop(job.run_id, "other")
    assert line.job(job.run_id).state is JobState.STOPPED

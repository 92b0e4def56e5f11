"""What a visitor reads when the host sets limits, or a run came with the project."""

from dataclasses import replace

import pytest

from fmnist_core import BaselineSettings, JobRefused, JobState, NetworkSettings, RunStore
from fmnist_core.environment import Environment
from fmnist_core.job import ClusterStatus
from fmnist_core.runs import identify
from pages.parts import engine, share
from tests.examples import baseline_run, network_run
from tests.pages.conftest import texts


def button(app, name):
    return next(each for each in app.button if each.label == name)


def labels(app):
    return [each.label for each in app.button]


def test_what_costs_too_much_is_said_before_it_is_asked_for(open_page, queue, store):
    engine.use(queue, store, Environment(seconds=60))
    app = open_page("network.py", epochs="50", hidden_units="1024,1024")
    assert "this server gives 60 seconds to each run" in texts(app)
    assert button(app, "Train").disabled
    app = open_page("network.py")
    assert not button(app, "Train").disabled


def test_a_refusal_is_a_sentence_and_the_page_goes_on(open_page, queue, monkeypatch):
    def refuse(settings, visitor=""):
        raise JobRefused("The queue is full: 100 trainings wait. Try again in about 40 seconds.")

    monkeypatch.setattr(queue, "submit", refuse)
    app = open_page("network.py")
    button(app, "Train").click().run()
    assert "Try again in about 40 seconds" in texts(app)
    assert not button(app, "Train").disabled


def test_who_waits_reads_how_many_come_before_and_how_long_it_will_take(open_page, queue):
    queue.stand(NetworkSettings(), state=JobState.WAITING, position=3, wait=42.0)
    app = open_page("network.py")
    assert "Waiting: 3 before this one. It will start in about 42 seconds." in [
        each.proto.text for each in app.get("progress")
    ]
    assert "Leave the queue" in labels(app)


def test_who_waits_while_no_worker_is_there_reads_so(open_page, queue, monkeypatch):
    queue.stand(NetworkSettings(), state=JobState.WAITING)
    queue.status = ClusterStatus(0, 0)
    monkeypatch.setattr(queue, "why_idle", "No worker can be reached just now.")
    app = open_page("network.py")
    assert "No worker can be reached just now. This begins as soon as a worker is there…" in [
        each.proto.text for each in app.get("progress")
    ]


def test_a_stranger_cannot_stop_what_others_asked_for(open_page, queue):
    queue.stand(NetworkSettings(), state=JobState.RUNNING, visitors=("somebody",))
    app = open_page("network.py")
    assert not {"Stop", "Leave the queue"} & set(labels(app))


@pytest.fixture
def prepared(dataset, tmp_path):
    run = baseline_run(dataset, BaselineSettings())
    RunStore(tmp_path / "prepared").publish(run)
    return run


def test_a_prepared_run_fills_the_pages_says_where_it_was_made_and_can_be_run_here(
    open_page, queue, prepared, tmp_path
):
    store = RunStore(tmp_path / "runs", prepared=tmp_path / "prepared")
    engine.use(queue, store)
    for page in ("baseline.py", "evaluation.py"):
        app = open_page(page)
        assert not app.exception
        assert f"Prepared with the project on {prepared.record.created[:10]}" in texts(app)
        assert prepared.record.machine in texts(app)
    app = open_page("baseline.py")
    assert "Press **Run the baseline** to see it live." in texts(app)
    button(app, "Run the baseline").click().run()
    assert queue.job(prepared.run_id).state is JobState.WAITING
    store.publish(replace(prepared, record=replace(prepared.record, seconds=77.0)))
    queue.stand(prepared.settings, state=JobState.DONE)
    app.run()
    assert "Finished in 77 seconds." in texts(app), "the run made here, not the prepared one"


@pytest.mark.parametrize("state", [JobState.STOPPED, JobState.FAILED])
def test_what_became_of_a_prepared_run_that_was_run_here_is_said(open_page, queue, prepared, dataset, tmp_path, state):
    store = RunStore(tmp_path / "runs", prepared=tmp_path / "prepared")
    engine.use(queue, store)
    queue.stand(prepared.settings, state=state, message="Stopped after 2 of 5 folds.")
    app = open_page("baseline.py")
    assert not app.exception
    assert "Stopped after 2 of 5 folds." in texts(app)
    assert f"Prepared with the project on {prepared.record.created[:10]}" in texts(app), "and the prepared one is below"


def test_what_a_stopped_network_learned_is_shown_instead_of_the_prepared_one(open_page, queue, dataset, tmp_path):
    whole, stopped = network_run(dataset), network_run(dataset, stopped_after=700)
    RunStore(tmp_path / "prepared").publish(whole)
    store = RunStore(tmp_path / "runs", prepared=tmp_path / "prepared")
    store.publish(stopped)
    engine.use(queue, store)
    queue.stand(whole.settings, state=JobState.STOPPED, message="Stopped.", saved_run_id=stopped.run_id)
    app = open_page("network.py")
    assert not app.exception
    assert "Stopped." in texts(app)
    assert "It trains all epochs, where this run was stopped before." in texts(app)


def test_what_the_queue_takes_of_several_is_followed_and_the_rest_is_said(open_page, queue, monkeypatch):
    take = queue.submit

    def take_two(settings, visitor=""):
        if len(queue.state) == 2:
            raise JobRefused("You have 2 trainings running or waiting.")
        return take(settings, visitor)

    monkeypatch.setattr(queue, "submit", take_two)
    app = open_page("baseline.py")
    button(app, "Draw the curve").click().run()
    assert not app.exception
    assert "2 of 6 were queued. You have 2 trainings running or waiting." in texts(app)


def test_a_shared_comparison_keeps_all_its_runs(open_page, store, dataset):
    run = network_run(dataset)
    store.publish(run)
    open_page("network.py")
    query = {"epochs": "7", "compare": f"{run.run_id},{'0' * 16}"}
    first, *others = share.run_ids("network", query)
    assert first == identify(NetworkSettings(epochs=7), dataset.digest)
    assert others == [run.run_id, "0" * 16]

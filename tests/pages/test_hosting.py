"""What a visitor reads when the host sets limits, or a run came with the project."""

import pytest

from fmnist_core import BaselineSettings, JobRefused, JobState, NetworkSettings, RunStore
from fmnist_core.environment import Environment
from pages.parts import engine
from tests.examples import baseline_run
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
    button(app, "Run the baseline").click().run()
    assert queue.job(prepared.run_id).state is JobState.WAITING

import pytest

from fmnist_core import JobState, NetworkSettings
from fmnist_core.progress import Progress
from tests.examples import network_run
from tests.pages.conftest import texts


def slider(app, label):
    return next(each for each in app.slider if each.label == label)


def train_button(app):
    return next(button for button in app.button if button.label == "Train")


def test_the_first_visit_shows_the_lesson_and_what_to_do(open_page):
    app = open_page("network.py")
    assert not app.exception
    assert slider(app, "Epochs").value == 5
    assert "Press **Train**" in texts(app)
    assert app.query_params == {}


def test_a_moved_slider_changes_the_address_and_nothing_is_started(open_page, queue):
    app = open_page("network.py")
    slider(app, "Epochs").set_value(7).run()
    assert app.query_params == {"epochs": "7"}
    assert queue.jobs() == []


def test_an_address_moves_the_controls_and_starts_nothing(open_page, queue):
    app = open_page("network.py", epochs="9", hidden_units="100,50", validation_share="0.35")
    assert not app.exception
    assert slider(app, "Epochs").value == 9
    assert slider(app, "Hidden layers").value == 2
    assert [each.value for each in app.number_input[:2]] == [100, 50]
    assert app.query_params == {"epochs": "9", "hidden_units": "100,50", "validation_share": "0.35"}
    assert queue.jobs() == []


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"epochs": "1e9"}, "epochs must be a whole number, 1 to 50; got '1e9'."),
        ({"epochs": ["3", "4"]}, "epochs must be a whole number, 1 to 50; got '3 4'."),
        ({"learning_rate": "nan"}, "learning_rate must be 1e-05 to 1; got 'nan'."),
        ({"hidden_units": ",".join(["9"] * 400)}, "hidden_units must be up to 4 numbers"),
        ({"<script>": "1"}, "There is no setting '<script>'."),
        ({"optimizer": "../../etc/passwd"}, "optimizer must be one of rmsprop, adam, sgd"),
    ],
)
def test_a_bad_address_gets_a_sentence_and_the_lesson(open_page, query, sentence):
    app = open_page("network.py", **query)
    assert not app.exception
    assert sentence in texts(app)
    assert slider(app, "Epochs").value == 5


def test_train_submits_exactly_what_the_controls_say(open_page, queue):
    app = open_page("network.py", epochs="3", dropout="0.2", hidden_units="64")
    train_button(app).click().run()
    assert [job.settings for job in queue.jobs()] == [NetworkSettings(epochs=3, dropout=0.2, hidden_units=(64,))]


def test_a_training_under_way_is_found_again_with_its_curve_and_can_be_stopped(open_page, queue):
    settings = NetworkSettings(epochs=8)
    rows = ({"epoch": 1, "loss": 0.6, "accuracy": 0.79, "val_loss": 0.5, "val_accuracy": 0.82, "seconds": 1.0},)
    progress = Progress("epoch", 2, 8, 0.5, rows)
    queue.stand(settings, state=JobState.RUNNING, progress=progress)
    app = open_page("network.py", epochs="8")
    assert not app.exception
    assert "Epoch 2 of 8" in app.progress[0].text
    titles = [chart.proto.spec for chart in app.get("plotly_chart")]
    assert sum("epoch by epoch" in title for title in titles) == 2
    next(button for button in app.button if button.label == "Stop").click().run()
    assert queue.stopped == [queue.jobs()[0].run_id]


def test_a_kept_run_appears_at_once_and_says_so(open_page, store, dataset):
    run = network_run(dataset, NetworkSettings(epochs=4))
    store.publish(run)
    app = open_page("network.py", epochs="4")
    assert not app.exception
    assert "the result was kept" in texts(app)
    assert app.metric[0].value == f"{run.result.validation_accuracy:.4f}"
    assert train_button(app).disabled


def test_a_failed_training_says_why_and_can_be_tried_again(open_page, queue):
    queue.stand(NetworkSettings(), state=JobState.FAILED, message="There was no room to keep it.")
    app = open_page("network.py")
    assert "There was no room to keep it." in texts(app)
    assert not train_button(app).disabled


def test_a_stopped_training_shows_what_it_learned_and_does_not_answer_for_the_full_one(
    open_page, queue, store, dataset
):
    stopped = network_run(dataset, NetworkSettings(), stopped_after=1500)
    store.publish(stopped)
    queue.stand(
        NetworkSettings(), state=JobState.STOPPED, saved_run_id=stopped.run_id, message="Stopped. Something is kept."
    )
    app = open_page("network.py")
    assert "Stopped. Something is kept." in texts(app)
    assert app.metric[0].value == f"{stopped.result.validation_accuracy:.4f}"
    assert not train_button(app).disabled

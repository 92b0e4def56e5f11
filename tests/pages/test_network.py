from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from fmnist_core import JobState, NetworkSettings, cost
from fmnist_core.export import to_script
from fmnist_core.progress import Progress
from fmnist_core.runs import Run
from fmnist_core.settings import PRESETS
from pages.parts import compare, curves, engine, learned, network_plan
from tests.examples import network_run
from tests.pages.conftest import texts


def slider(app, label):
    return next(each for each in app.slider if each.label == label)


def button(app, label):
    return next(each for each in app.button if each.label == label)


def train_button(app):
    return button(app, "Train")


def charts(app):
    """The charts' own descriptions, Plotly's JSON."""
    return [chart.proto.spec for chart in app.get("plotly_chart")]


def rows(training, validation):
    """What a training reports, epoch by epoch."""
    return pd.DataFrame(
        {
            "epoch": range(1, len(training) + 1),
            "loss": training,
            "val_loss": validation,
            "accuracy": [1 - loss for loss in training],
            "val_accuracy": [1 - loss for loss in validation],
        }
    )


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


@pytest.mark.parametrize("under_way", [True, False])
def test_stop_stands_where_train_was_and_the_time_it_may_take_is_said_only_before(open_page, queue, under_way):
    if under_way:
        queue.stand(NetworkSettings(), state=JobState.RUNNING)
    app = open_page("network.py")
    results = app.columns[1]
    order = [id(each) for each in results]
    own, plan = button(results, "Stop" if under_way else "Train"), results.expander[0]
    assert order.index(id(own)) < order.index(id(plan))
    assert plan.proto.expanded is not under_way
    assert ("trains in" in texts(app)) is not under_way


def test_a_finished_trainings_button_says_why_it_is_grey(open_page, queue, store, dataset):
    app = open_page("network.py")
    train_button(app).click().run()
    run = network_run(dataset)
    store.publish(run)
    queue.stand(NetworkSettings(), state=JobState.DONE)
    app.run()
    assert train_button(app).disabled
    assert f"Finished in {cost.in_words(run.record.seconds)}. Change a setting to run another." in texts(app)


def test_the_parameters_of_the_first_dense_layer_are_counted_out():
    assert "78,500 parameters are 784 × 100 weights" in network_plan.parameters_in_words(
        NetworkSettings(hidden_units=(100,))
    )
    small = PRESETS["Small CNN"]
    assert "31,370 parameters are 3,136 × 10 weights" in network_plan.parameters_in_words(small)


def test_a_kept_run_appears_at_once_and_says_so(open_page, store, dataset):
    run = network_run(dataset, NetworkSettings(epochs=4))
    store.publish(run)
    app = open_page("network.py", epochs="4")
    assert not app.exception
    assert "the result was kept. Change a setting to run another." in texts(app)
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


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_moves_all_controls_and_shows_its_plan(open_page, name):
    app = open_page("network.py", epochs="9")
    assert app.selectbox[0].value == network_plan.OWN_CHOICE
    app.selectbox[0].select(name).run()
    assert not app.exception
    assert NetworkSettings.from_query(app.query_params) == PRESETS[name]
    layers = app.dataframe[0].value
    assert list(layers["layer"])[-1] == "Dense (softmax)"
    assert f"**{layers['parameters'].sum():,} parameters**" in texts(app)


def test_every_choice_has_its_line_of_explanation_on_the_page(open_page):
    app = open_page("network.py", hidden_units="10", convolution_filters="8")
    controls = [*app.slider, *app.selectbox, *app.toggle, *app.select_slider, *app.number_input]
    shown = {control.label: control.help for control in controls}
    for name in NetworkSettings.names():
        assert shown[NetworkSettings.label(name)] == NetworkSettings.explanation(name)


def test_the_estimate_learns_from_the_trainings_most_like_it(dataset):
    settings = NetworkSettings(hidden_units=(200,))
    assert network_plan.estimate_seconds(settings, []) == cost.expected_seconds(settings)

    def record(settings, factor, **changes):
        made = network_run(dataset, settings).record
        return replace(made, seconds=factor * cost.expected_seconds(settings), **changes)

    alike = [record(NetworkSettings(hidden_units=(units,)), 3) for units in (150, 180, 190, 210, 220)]
    assert network_plan.estimate_seconds(settings, alike) == pytest.approx(3 * cost.expected_seconds(settings))
    far = [record(replace(PRESETS["Strong CNN"], seed=seed), 0.1) for seed in range(3)]
    unfinished = [record(settings, 0.01, stopped_after=7), record(replace(settings, patience=1), 0.01)]
    assert network_plan.estimate_seconds(settings, alike + far + unfinished) == pytest.approx(
        3 * cost.expected_seconds(settings)
    )


FALLING, RISING = [0.6, 0.5, 0.45, 0.41, 0.38], [0.5, 0.44, 0.45, 0.47, 0.49]


@pytest.mark.parametrize(
    ("training", "validation", "words"),
    [
        (FALLING, RISING, "best after epoch 2 (0.440)"),
        (FALLING, RISING, "**overfitting**"),
        (FALLING, [0.55, 0.5, 0.46, 0.43, 0.40], "**Train longer**"),
        ([0.6, 0.5, 0.4, 0.3, 0.2], [0.5, 0.45, 0.42, 0.4, 0.39], "A gap has opened: loss 0.200"),
        ([0.6, 0.5, 0.45, 0.449, 0.448], [0.5, 0.45, 0.44, 0.4395, 0.439], "levelled off"),
        ([0.6, 0.5, 0.45, 0.43, 0.414], [0.5, 0.44, 0.40, 0.41, 0.418], "better since epoch 3 (0.400; now 0.418)"),
        ([0.6, float("nan")], [0.5, float("nan")], "no longer a number"),
    ],
    ids=["where it was best", "overfitting", "both fall", "gap", "level", "no gap, no overfitting", "nan"],
)
def test_the_curves_are_read_in_words(training, validation, words):
    assert words in curves.read(rows(training, validation), NetworkSettings())


def test_the_words_fit_the_network_and_the_moment():
    level = rows([0.6, 0.5, 0.499], [0.5, 0.45, 0.4499])
    assert "hidden layers" in curves.read(level, NetworkSettings())
    assert "convolution blocks" in curves.read(level, NetworkSettings(hidden_units=(10,)))
    assert curves.read(level, NetworkSettings(), under_way=True) == ""
    falling = rows([0.6, 0.5], [0.5, 0.45])
    assert "Train longer" not in curves.read(falling, NetworkSettings(), under_way=True)
    assert "the split is the mistake" in curves.read(falling, NetworkSettings(split="sorted"))
    assert curves.read(rows([0.6], [0.5]), NetworkSettings()) == ""


def test_chance_is_a_point_until_there_is_an_epoch_and_words_from_then_on():
    untrained = pd.DataFrame([{"epoch": 0, "val_loss": 2.4, "val_accuracy": 0.103}])
    figure = curves.learning_chart(untrained, "accuracy", epochs=5)
    assert [list(trace.y) for trace in figure.data] == [[0.103]]
    figure = curves.learning_chart(pd.concat([untrained, rows([0.6], [0.5])]), "accuracy", epochs=5)
    assert [list(trace.x) for trace in figure.data] == [[1], [1]]
    assert "0.103, untrained" in figure.layout.xaxis.title.text


def test_around_a_single_point_the_whole_range_of_accuracies_is_shown():
    figure = curves.learning_chart(rows([0.6], [0.5]), "accuracy", epochs=5)
    assert figure.layout.yaxis.range == (0, 1)
    assert curves.learning_chart(rows([0.6, 0.5], [0.5, 0.4]), "accuracy", epochs=5).layout.yaxis.range is None


@pytest.fixture
def three_networks(store, dataset):
    """The lesson, another number of epochs, and other layers; in the store, in this order."""
    made = [
        network_run(dataset, settings)
        for settings in (NetworkSettings(), NetworkSettings(epochs=8), NetworkSettings(hidden_units=(50,), epochs=6))
    ]
    for run in made:
        store.publish(run)
    return made


def test_compared_runs_stand_in_one_picture_with_what_differs(open_page, three_networks):
    lesson, longer, deeper = three_networks
    app = open_page("network.py", compare=f"{longer.run_id},{deeper.run_id}")
    assert not app.exception
    assert app.multiselect[0].value == [longer.run_id, deeper.run_id]
    table = next(each.value for each in app.dataframe if "run" in each.value)
    assert list(table["run"]) == ["1", "2", "3"]
    assert list(table["Epochs"]) == ["5", "8", "6"]
    assert list(table["Hidden layers"]) == ["none", "none", "50"]
    assert "Batch size" not in table, "only what differs"
    np.testing.assert_allclose(table["accuracy"], [run.result.validation_accuracy for run in three_networks])
    figure = compare.chart(compare.curves_table([run.record for run in three_networks]), "loss", ["a", "b", "c"])
    assert [list(trace.y) for trace in figure.data] == [run.result.history["val_loss"] for run in three_networks]
    assert sum("Validation accuracy, epoch by epoch" in chart for chart in charts(app)) == 1
    app.multiselect[0].unselect(longer.run_id).run()
    assert app.query_params == {"compare": deeper.run_id}
    assert lesson.run_id not in app.multiselect[0].options, "the page's own run is always the first"


@pytest.mark.parametrize(
    "stranger", ["0" * 16, "../../etc/passwd", "0" * 15, ",".join(str(n) * 16 for n in range(1, 7))]
)
def test_a_link_to_a_comparison_that_cannot_be_made_gets_a_sentence(open_page, three_networks, stranger):
    app = open_page("network.py", compare=stranger)
    assert not app.exception
    known = f"There is no network {stranger} here" if stranger == "0" * 16 else "compare must be up to 5 run ids"
    assert known in texts(app)
    assert app.multiselect[0].value == []
    assert app.query_params == {}


def test_a_lone_network_has_nothing_to_be_held_against_yet(open_page, store, dataset):
    store.publish(network_run(dataset, NetworkSettings()))
    app = open_page("network.py")
    assert not app.multiselect
    assert "Train a second network" in texts(app)


def test_the_three_splits_are_queued_as_runs_and_drawn_when_they_are_there(open_page, queue, store, dataset):
    store.publish(network_run(dataset, NetworkSettings()))
    app = open_page("network.py")
    button(app, "Train it with each split").click().run()
    assert [job.settings for job in queue.jobs()] == [NetworkSettings(split="tail"), NetworkSettings(split="sorted")]
    assert "1 of 3 finished, 2 to come" in app.get("progress")[0].proto.text
    for split in ("tail", "sorted"):
        queue.stand(NetworkSettings(split=split), state=JobState.DONE)
        store.publish(network_run(dataset, NetworkSettings(split=split)))
    app.run()
    assert not app.exception
    assert "shuffle before you split" in texts(app)
    held_out = [chart for chart in charts(app) if "Share learned from" in chart]
    assert len(held_out) == 3
    assert not [each for each in app.button if each.label == "Train it with each split"]


def test_a_training_that_is_one_of_the_splits_does_not_set_off_the_series(open_page, queue):
    queue.stand(NetworkSettings(), state=JobState.RUNNING)
    app = open_page("network.py")
    assert len(app.get("progress")) == 1
    assert not [each for each in app.button if each.label == "Stop these"]


def test_the_code_to_take_home_is_the_runs_own_and_can_be_read_here(open_page, store, dataset):
    run = network_run(dataset, NetworkSettings(hidden_units=(20,)))
    store.publish(run)
    app = open_page("network.py", hidden_units="20")
    assert app.code[0].value == to_script(run.settings, run.record.headline).rstrip()
    names = {each.proto.label for each in app.get("download_button")}
    assert {"Script (.py)", "Notebook (.ipynb)", "Trained model (.keras)", "Loss and accuracy by epoch (.csv)"} <= names


def test_the_code_of_a_stopped_training_does_not_promise_its_figures(open_page, queue, store, dataset):
    stopped = network_run(dataset, NetworkSettings(), stopped_after=1500)
    store.publish(stopped)
    queue.stand(NetworkSettings(), state=JobState.STOPPED, saved_run_id=stopped.run_id, message="Stopped.")
    app = open_page("network.py")
    assert app.code[0].value == to_script(stopped.settings).rstrip()
    assert "where this run was stopped before" in texts(app)


def test_gained_and_lost_are_what_a_plain_loop_finds(store, queue, dataset):
    engine.use(queue, store)
    made = network_run(dataset, NetworkSettings())
    draw = np.random.default_rng(0)
    predictions = draw.integers(0, 10, size=(6, 12_000)).astype(np.uint8)
    run = Run(made.record, replace(made.result, validation_predictions_by_epoch=predictions))
    gained, lost = learned.gained_and_lost(run, 1, 4)
    labels = dataset.train.labels[run.result.validation_indices]
    expected = {(False, True): [], (True, False): []}
    for place, label in enumerate(labels):
        change = (bool(predictions[1, place] == label), bool(predictions[4, place] == label))
        if change in expected:
            expected[change].append(place)
    assert gained.tolist() == expected[False, True]
    assert lost.tolist() == expected[True, False]


def test_the_weights_of_each_epoch_can_be_looked_at(open_page, store, dataset):
    made = network_run(dataset, NetworkSettings(epochs=3))
    layers = np.stack([np.full((784, 10), epoch, dtype=np.float16) for epoch in range(4)])
    store.publish(Run(made.record, replace(made.result, first_layer_by_epoch=layers)))
    app = open_page("network.py", epochs="3")
    assert slider(app, "Weights after epoch").value == 3
    slider(app, "Weights after epoch").set_value(1).run()
    assert not app.exception
    assert slider(app, "Weights after epoch").value == 1

import json
from dataclasses import replace

import numpy as np
import pytest

from fmnist_core import BaselineSettings, JobState
from fmnist_core.dataset import CLASS_NAMES
from fmnist_core.intervals import wilson_interval
from fmnist_core.progress import Progress
from pages.parts import folds, passes, weights
from tests.examples import baseline_run
from tests.pages.conftest import texts


def test_the_first_visit_shows_the_lesson_and_what_to_do(open_page):
    app = open_page("baseline.py")
    assert not app.exception
    assert [each.value for each in app.slider[:2]] == [5, 5]
    assert "Press **Run the baseline**" in texts(app)


def test_the_button_submits_what_the_controls_say(open_page, queue):
    app = open_page("baseline.py", max_iter="20", folds="3")
    next(button for button in app.button if button.label == "Run the baseline").click().run()
    assert [job.settings for job in queue.jobs()] == [BaselineSettings(max_iter=20, folds=3)]


def test_folds_appear_as_they_come(open_page, queue):
    rows = ({"fold": 1, "accuracy": 0.81, "seconds": 2.5, "iterations": 5},)
    queue.stand(BaselineSettings(), state=JobState.RUNNING, progress=Progress("fold", 2, 5, 0.3, rows))
    app = open_page("baseline.py")
    assert not app.exception
    assert "Fold 2 of 5" in app.progress[0].text
    assert "mean so far: 0.8100" in app.get("plotly_chart")[0].proto.spec


def test_a_kept_run_shows_mean_spread_and_the_lessons_figure(open_page, store, dataset):
    run = baseline_run(dataset)
    store.publish(run)
    app = open_page("baseline.py")
    assert not app.exception
    values = {metric.label: metric.value for metric in app.metric}
    assert values["Mean accuracy, out of fold"] == f"{run.result.mean_accuracy:.4f}"
    assert values["The lesson's figure"] == "0.8194"
    assert list(app.dataframe[0].value["accuracy"]) == run.result.fold_accuracies
    last_fit, in_all = run.result.final_seconds, run.record.seconds
    assert f"60,000 pictures: {last_fit:.1f} s. In all: {in_all:.1f} s." in texts(app), "the folds' are not the wait"


def test_both_pages_keep_their_own_settings(open_page):
    app = open_page("baseline.py", folds="7")
    app.switch_page("network.py").run()
    assert not app.warning
    app.switch_page("baseline.py").run()
    assert not app.warning
    assert next(each for each in app.slider if each.label == "Folds").value == 7


def test_the_folds_are_compared_with_guessing_and_the_lesson(open_page, store, dataset):
    store.publish(baseline_run(dataset))
    app = open_page("baseline.py")
    chart = app.get("plotly_chart")[0].proto.spec
    for words in (f"guessing, measured: {folds.dummy(5, 42):.3f}", "the lesson: 0.8194"):
        assert words in chart


@pytest.mark.parametrize(
    ("iterations", "sentence"),
    [
        ([5, 5, 5], "Every fold **used up the cap** of 5 passes"),
        ([3, 5, 4], "1 of 3 folds **used up the cap** of 5 passes"),
        ([3, 4, 4], "Every fold **stopped by itself** after 3 to 4 passes, before the cap of 5"),
    ],
)
def test_convergence_is_said_in_plain_words(iterations, sentence):
    assert sentence in folds.convergence(iterations, 5)


def test_a_run_without_scaling_says_what_scaling_gains(open_page, store, dataset):
    plain = baseline_run(dataset, BaselineSettings(scaling=False))
    store.publish(plain)
    assert "Switch scaling on and run it again" in texts(open_page("baseline.py", scaling="off"))
    store.publish(baseline_run(dataset, BaselineSettings(seed=1)))
    scaled = baseline_run(dataset)
    store.publish(replace(scaled, record=replace(scaled.record, headline={**scaled.record.headline, "accuracy": 0.9})))
    said = texts(open_page("baseline.py", scaling="off"))
    assert f"with scaling reach 0.9000 instead of {plain.result.mean_accuracy:.4f}" in said


def test_a_loss_without_probabilities_says_so(open_page, store, dataset):
    store.publish(baseline_run(dataset, BaselineSettings(loss="hinge")))
    assert "The loss **hinge** gives scores but no probabilities" in texts(open_page("baseline.py", loss="hinge"))


def test_the_curve_queues_what_is_missing_of_these_very_settings(open_page, queue, store, dataset):
    store.publish(baseline_run(dataset, BaselineSettings(max_iter=10, alpha=0.001)))
    app = open_page("baseline.py", alpha="0.001")
    assert "max_iter 1, 2, 5, 20, 50" in texts(app)
    next(button for button in app.button if button.label == "Draw the curve").click().run()
    assert not app.exception
    assert [job.settings for job in queue.jobs()] == [
        BaselineSettings(max_iter=step, alpha=0.001) for step in (1, 2, 5, 20, 50)
    ]
    assert "1 of 6 finished, 5 to come" in " ".join(bar.text for bar in app.progress)
    next(button for button in app.button if button.label == "Stop these").click().run()
    assert len(queue.stopped) == 5


def test_a_run_that_is_under_way_by_itself_is_no_curve(open_page, queue):
    queue.stand(BaselineSettings(), state=JobState.RUNNING)
    app = open_page("baseline.py")
    assert "Stop these" not in [button.label for button in app.button]
    next(button for button in app.button if button.label == "Draw the curve").click().run()
    assert "0 of 6 finished, 6 to come" in " ".join(bar.text for bar in app.progress)


def test_the_curve_is_drawn_from_what_is_kept(open_page, store, dataset):
    runs = [baseline_run(dataset, BaselineSettings(max_iter=step)) for step in (50, 1, 5)]
    for run in runs:
        store.publish(run)
    table = passes.to_table([run.record for run in runs])
    assert list(table["max_iter"]) == [1, 5, 50]
    right = round(runs[0].record.headline["accuracy"] * 60_000)
    assert tuple(table.iloc[2][["95% from", "95% to"]]) == wilson_interval(right, 60_000)
    app = open_page("baseline.py")
    assert not app.exception
    assert any("by passes over the data" in chart.proto.spec for chart in app.get("plotly_chart"))


@pytest.mark.parametrize("scaling", [True, False])
def test_what_the_pixels_add_sums_to_the_score(dataset, scaling):
    run = baseline_run(dataset, BaselineSettings(scaling=scaling))
    coefficients = np.random.default_rng(0).normal(size=(10, 784)).astype(np.float32)
    run = replace(run, result=replace(run.result, coefficients=coefficients))
    image = dataset.train.images[7]
    pixels = image.reshape(784) / (255.0 if scaling else 1.0)
    np.testing.assert_allclose(weights.contributions(run, image).sum(axis=(1, 2)), coefficients @ pixels)


def test_a_sample_shows_its_own_class_first_and_takes_any_picture(open_page, store, dataset):
    store.publish(baseline_run(dataset))
    app = open_page("baseline.py")
    sample = next(each for each in app.number_input if each.label.startswith("Training picture"))
    sample.set_value(59_999).run()
    assert not app.exception
    name = CLASS_NAMES[dataset.train.labels[59_999]]
    assert f"Picture 59,999 is labelled **{name}**" in texts(app)
    annotations = json.loads(app.get("plotly_chart")[-1].proto.spec)["layout"]["annotations"]
    assert annotations[0]["text"].startswith(f"<b>{name}<br>")
    assert len(annotations) == 5

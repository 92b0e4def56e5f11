from fmnist_core import BaselineSettings, JobState
from fmnist_core.progress import Progress
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


def test_both_pages_keep_their_own_settings(open_page):
    app = open_page("baseline.py", folds="7")
    app.switch_page("network.py").run()
    assert not app.warning
    app.switch_page("baseline.py").run()
    assert not app.warning
    assert next(each for each in app.slider if each.label == "Folds").value == 7

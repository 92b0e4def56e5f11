import numpy as np
import pytest
from sklearn.metrics import accuracy_score, confusion_matrix, log_loss

from fmnist_core import BaselineSettings, NetworkSettings
from fmnist_core.dataset import CLASS_NAMES
from pages.parts import confusion
from tests.examples import baseline_run, network_run
from tests.pages.conftest import texts
from tests.pages.test_explorer import galleries


@pytest.fixture
def run(store, dataset):
    run = network_run(dataset)
    store.publish(run)
    return run


def test_without_a_run_the_page_says_how_to_get_one(open_page):
    app = open_page("evaluation.py")
    assert not app.exception
    assert "no finished run yet" in texts(app)
    assert [link.label for link in app.get("page_link")]


def test_the_figures_are_scikit_learns_on_the_held_out_pictures(open_page, run, dataset):
    app = open_page("evaluation.py")
    assert not app.exception
    labels = dataset.train.labels[run.result.validation_indices]
    probabilities = run.result.validation_probabilities.astype(np.float64)
    values = {metric.label: metric.value for metric in app.metric}
    assert (
        values["Accuracy on 12,000 validation pictures"]
        == f"{accuracy_score(labels, probabilities.argmax(axis=1)):.4f}"
    )
    expected_loss = log_loss(labels, probabilities / probabilities.sum(axis=1, keepdims=True))
    assert values["Loss"] == f"{expected_loss:.4f}"
    assert app.query_params == {"run": run.run_id}


def test_a_cell_named_in_the_address_shows_exactly_its_pictures_surest_first(open_page, run, dataset):
    app = open_page("evaluation.py", run=run.run_id, true="6", predicted="0")
    assert not app.exception
    labels = dataset.train.labels[run.result.validation_indices]
    probabilities = run.result.validation_probabilities
    cell = (labels == 6) & (probabilities.argmax(axis=1) == 0)
    confidences = np.sort(probabilities[cell, 0])[::-1]
    captions = galleries(app)[0]["captions"]
    assert captions == [f"Shirt → T-shirt/top, {confidence:.2f}" for confidence in confidences[:60]]
    assert f"{cell.sum():,} mistakes" in texts(app)


def test_the_baseline_is_measured_out_of_fold(open_page, store, dataset):
    run = baseline_run(dataset)
    store.publish(run)
    app = open_page("evaluation.py")
    values = {metric.label: metric.value for metric in app.metric}
    assert values["Accuracy on 60,000 pictures out of fold"] == f"{run.result.mean_accuracy:.4f}"


def test_a_loss_without_probabilities_has_no_cross_entropy(open_page, store, dataset):
    store.publish(baseline_run(dataset, BaselineSettings(loss="hinge")))
    app = open_page("evaluation.py")
    assert not app.exception
    assert {metric.label: metric.value for metric in app.metric}["Loss"] == "none"


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"run": "0123456789abcdef"}, "There is no run '0123456789abcdef' here."),
        ({"run": "../../etc/passwd"}, "There is no run '../../etc/passwd' here."),
        ({"true": "10"}, "true must be the number of a class, 0 to 9; got '10'."),
        ({"other": "<b>"}, "There is no 'other' on this page."),
    ],
)
def test_a_bad_address_gets_a_sentence(open_page, run, query, sentence):
    app = open_page("evaluation.py", **query)
    assert not app.exception
    assert sentence in texts(app)


def test_all_runs_stand_in_one_table_and_damaged_ones_are_reported(open_page, store, dataset, run):
    store.publish(network_run(dataset, NetworkSettings(epochs=9)))
    (store.directory / "0123456789abcdef.zip").write_bytes(b"half a run")
    app = open_page("evaluation.py")
    assert not app.exception
    table = app.dataframe[0].value
    assert set(table["run"]) == {"Network: the lesson", "Network: epochs 9"}
    assert (table["from"] < table["accuracy"]).all()
    assert (table["accuracy"] < table["to"]).all()
    assert "1 damaged run(s) were set aside" in texts(app)


def test_the_commonest_confusions_are_the_largest_cells_off_the_diagonal():
    random = np.random.default_rng(0)
    matrix = confusion_matrix(random.integers(0, 10, 5000), random.integers(0, 10, 5000))
    cells = sorted(
        (
            (matrix[true, predicted], true, predicted)
            for true in range(10)
            for predicted in range(10)
            if true != predicted
        ),
        key=lambda cell: -cell[0],
    )
    found = confusion.commonest(matrix)
    assert [n for _, _, n in found] == [n for n, _, _ in cells[:5]]
    assert all(matrix[true, predicted] == n for true, predicted, n in found)
    assert len(CLASS_NAMES) == len(confusion.to_table(matrix))

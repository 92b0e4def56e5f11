import base64
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.calibration import calibration_curve
from sklearn.metrics import accuracy_score, confusion_matrix, log_loss, top_k_accuracy_score
from statsmodels.stats.contingency_tables import mcnemar

from fmnist_core import BaselineSettings, JobRefused, NetworkSettings, Run
from fmnist_core.comparison import compare
from fmnist_core.dataset import CLASS_NAMES
from fmnist_core.pictures import PictureError, decode, prepare
from fmnist_core.settings import PRESETS
from pages.parts import confusion, drawing, duel, engine, mistakes, ruler, run_names
from pages.parts.measured import measure
from tests.examples import baseline_run, network_run
from tests.pages.conftest import galleries, texts


@pytest.fixture
def run(store, dataset):
    run = network_run(dataset)
    store.publish(run)
    return run


def test_all_visitors_share_one_copy_of_a_runs_arrays(open_page, store, dataset, run):
    baseline = baseline_run(dataset)
    store.publish(baseline)
    visits = [
        open_page("evaluation.py", run=baseline.run_id, against=run.run_id, view=view)
        for view in ("confusions", "mistakes", "trust", "duel")
    ]
    measured = measure(baseline.run_id)
    assert measured is measure(baseline.run_id)
    assert measured.ranking is engine.run(baseline.run_id).result.out_of_fold_scores
    assert not measured.ranking.flags.writeable
    for app in visits:
        for key, value in app.session_state.items():
            assert not isinstance(value, np.ndarray), f"{key}: a visitor keeps an array"


def test_without_a_run_the_page_says_how_to_get_one(open_page):
    app = open_page("evaluation.py")
    assert not app.exception
    assert "no finished run yet" in texts(app)
    assert [link.label for link in app.get("page_link")]


def metrics(app):
    return {metric.label: metric.value for metric in app.metric}


def control(app, label):
    kinds = ("selectbox", "button_group", "toggle", "slider", "multiselect", "text_input", "file_uploader")
    return next(each for kind in kinds for each in getattr(app, kind) if each.label == label)


def test_the_figures_are_scikit_learns_on_the_held_out_pictures(open_page, run, dataset):
    app = open_page("evaluation.py")
    assert not app.exception
    labels = dataset.train.labels[run.result.validation_indices]
    probabilities = run.result.validation_probabilities.astype(np.float64)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    assert metrics(app) == {
        "Accuracy": f"{accuracy_score(labels, probabilities.argmax(axis=1)):.4f}",
        "Loss": f"{log_loss(labels, probabilities):.4f}",
        "Top-2 accuracy": f"{top_k_accuracy_score(labels, probabilities, k=2):.4f}",
        "Right answers": f"{(labels == probabilities.argmax(axis=1)).sum():,}",
    }
    assert "of 12,000 validation pictures" in texts(app)
    assert app.query_params == {"run": run.run_id}


def test_the_test_set_is_sealed_until_it_is_opened_on_purpose_and_only_for_this_visitor(open_page, run, dataset):
    app = open_page("evaluation.py")
    assert "The test set is sealed." in texts(app)
    assert "test pictures" not in texts(app)
    next(button for button in app.button if button.label == "Open the test set").click().run()
    assert not app.exception
    expected = accuracy_score(dataset.test.labels, run.result.test_probabilities.argmax(axis=1))
    assert metrics(app)["Accuracy :orange-badge[test]"] == f"{expected:.4f}"
    assert metrics(app)["Accuracy"] == f"{run.result.validation_accuracy:.4f}", "validation stays beside it"
    assert "of 10,000 test pictures" in texts(app)
    assert "Measured on 12,000 validation pictures." in texts(app)
    control(app, "Pictures").set_value("test").run()
    assert not app.exception
    assert "Measured on 10,000 test pictures." in texts(app)
    assert app.query_params == {"run": run.run_id}, "a link opens no seal"
    assert "The test set is sealed." in texts(open_page("evaluation.py"))


def test_a_cell_named_in_the_address_shows_exactly_its_pictures_surest_first(open_page, run, dataset):
    app = open_page("evaluation.py", run=run.run_id, true="6", predicted="0")
    assert not app.exception
    labels = dataset.train.labels[run.result.validation_indices]
    probabilities = run.result.validation_probabilities
    cell = (labels == 6) & (probabilities.argmax(axis=1) == 0)
    confidences = np.sort(probabilities[cell, 0])[::-1]
    first, every = galleries(app)
    assert first["captions"] == [f"{confidence:.2f}" for confidence in confidences[:5]], "where the cell is clicked"
    assert every["captions"] == [f"Shirt → T-shirt/top, {confidence:.2f}" for confidence in confidences[:60]]
    assert first["descriptions"] == every["descriptions"][:5]
    assert f"{cell.sum():,} Shirt pictures called T-shirt/top" in texts(app)


def test_the_baseline_is_measured_out_of_fold(open_page, store, dataset):
    run = baseline_run(dataset)
    store.publish(run)
    app = open_page("evaluation.py")
    assert metrics(app)["Accuracy"] == f"{run.result.mean_accuracy:.4f}"
    assert "of 60,000 pictures out of fold" in texts(app)


def test_a_loss_without_probabilities_has_no_cross_entropy(open_page, store, dataset):
    store.publish(baseline_run(dataset, BaselineSettings(loss="hinge")))
    app = open_page("evaluation.py")
    assert not app.exception
    assert metrics(app)["Loss"] == "none"


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"run": "0123456789abcdef"}, "There is no run 0123456789abcdef here."),
        ({"run": "../../etc/passwd"}, "'../../etc/passwd' is not the address of a run."),
        ({"true": "10"}, "true must be the number of a class, 0 to 9; got '10'."),
        ({"run": "0123456789abcdef"}, "Shown instead: Network: the lesson."),
        ({"against": "ffffffffffffffff"}, "There is no run ffffffffffffffff here."),
        ({"view": "everything"}, "view must be confusions, mistakes, trust, duel or own; got 'everything'."),
        ({"picture": "60000"}, "picture must be the number of a training picture, 0 to 59,999; got '60000'."),
        ({"picture": "-1"}, "picture must be the number of a training picture"),
        ({"run": ["a", "b"]}, "'a b' is not the address of a run."),
        ({"other": "<b>"}, "There is no 'other' on this page."),
    ],
)
def test_a_bad_address_gets_a_sentence(open_page, run, query, sentence):
    app = open_page("evaluation.py", **query)
    assert not app.exception
    assert sentence in texts(app)


def test_all_runs_stand_in_one_table_and_damaged_ones_are_reported(open_page, store, dataset, run):
    store.publish(network_run(dataset, NetworkSettings(epochs=9)))
    Path(store.address, "0123456789abcdef.zip").write_bytes(b"half a run")
    app = open_page("evaluation.py")
    assert not app.exception
    table = app.dataframe[0].value
    assert set(table["kind"]) == {"Network"}
    assert set(table["what"]) == {"the lesson", "9 epochs"}
    assert (table["from"] < table["accuracy"]).all()
    assert (table["accuracy"] < table["to"]).all()
    assert "1 damaged run(s) were set aside" in texts(app)


def test_a_confusion_in_words_shows_its_pictures(open_page, run):
    app = open_page("evaluation.py")
    true, predicted, n = confusion.commonest(measure(run.run_id).report.confusion)[0]
    words = f"**{CLASS_NAMES[true]}** called **{CLASS_NAMES[predicted]}**: {n:,} of "
    next(button for button in app.button if button.label.startswith(words)).click().run()
    assert not app.exception
    assert f"**{n:,} {CLASS_NAMES[true]} pictures called {CLASS_NAMES[predicted]}**" in texts(app)
    assert f"{n:,} mistakes among 12,000 validation pictures" in texts(app)
    assert (app.query_params["true"], app.query_params["predicted"]) == (str(true), str(predicted))


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
    assert confusion.commonest(np.eye(10, dtype=int)) == [], "no mistakes, no confusions"


def test_runs_are_filtered_by_kind_and_words(open_page, store, dataset, run):
    store.publish(baseline_run(dataset))
    store.publish(network_run(dataset, NetworkSettings(hidden_units=(100,))))
    app = open_page("evaluation.py")
    assert len(app.dataframe[0].value) == 3
    control(app, "Kind").set_value("Network").run()
    assert len(app.dataframe[0].value) == 2
    control(app, "Filter").set_value("HIDDEN_units 100").run()
    assert list(app.dataframe[0].value["what"]) == ["One hidden layer (100)"]
    control(app, "Filter").set_value("no such words").run()
    assert not app.exception
    assert "No run matches." in texts(app)


@pytest.mark.parametrize(("true", "predicted"), [(None, None), (6, None), (None, 6), (6, 0), (6, 6)])
def test_the_pictures_found_are_exactly_those_of_the_cell_surest_first(open_page, run, dataset, true, predicted):
    open_page("evaluation.py")
    measured = measure(run.run_id)
    labels, probabilities = dataset.train.labels[run.result.validation_indices], run.result.validation_probabilities
    said = probabilities.argmax(axis=1)
    wanted = np.ones(len(labels), dtype=bool) if None not in (true, predicted) else labels != said
    wanted &= (true is None) | (labels == true)
    wanted &= (predicted is None) | (said == predicted)
    found = mistakes.find(measured, true, predicted)
    assert set(found) == set(np.flatnonzero(wanted))
    assert (np.diff(probabilities.max(axis=1)[found]) <= 0).all()
    if None in (true, predicted):
        hits = mistakes.find(measured, true, predicted, hits=True)
        assert (labels[hits] == said[hits]).all()
        assert (np.diff(probabilities.max(axis=1)[hits]) >= 0).all()


def test_an_opened_picture_shows_what_each_run_that_had_not_learned_from_it_says(open_page, store, dataset, run):
    other = baseline_run(dataset)
    store.publish(other)
    held_out = int(run.result.validation_indices[5])
    app = open_page("evaluation.py", run=run.run_id, against=other.run_id, view="mistakes", picture=str(held_out))
    assert not app.exception
    bars = next(
        chart.proto.spec for chart in app.get("plotly_chart") if "Probability of each class" in chart.proto.spec
    )
    shown = {trace["name"]: plotly_numbers(trace["x"]) for trace in json.loads(bars)["data"]}
    np.testing.assert_allclose(shown["A: Network: the lesson"], run.result.validation_probabilities[5], rtol=1e-6)
    np.testing.assert_allclose(
        shown["B: Baseline: the lesson"], other.result.out_of_fold_probabilities[held_out], rtol=1e-6
    )
    assert app.query_params["picture"] == str(held_out)
    pixels = dataset.train.images.reshape(60_000, 784).astype(np.float32)
    distances = ((pixels - pixels[held_out]) ** 2).sum(axis=1)
    distances[held_out] = np.inf
    nearest = dataset.train.labels[np.argsort(distances, kind="stable")[:10]]
    assert galleries(app)[-1]["captions"] == [CLASS_NAMES[label] for label in nearest]

    learned = int(np.setdiff1d(np.arange(60_000), run.result.validation_indices)[0])
    app = open_page("evaluation.py", run=run.run_id, view="mistakes", picture=str(learned))
    assert "has learned from this picture" in texts(app)


def plotly_numbers(values):
    """Plotly packs long arrays."""
    if isinstance(values, dict):
        return np.frombuffer(base64.b64decode(values["bdata"]), dtype=values["dtype"])
    return values


def test_trust_shows_the_calibration_error_and_what_a_threshold_would_cost(open_page, run, dataset):
    app = open_page("evaluation.py", view="trust")
    assert not app.exception
    labels, probabilities = dataset.train.labels[run.result.validation_indices], run.result.validation_probabilities
    right, confidences = probabilities.argmax(axis=1) == labels, probabilities.max(axis=1)
    accuracy, confidence = calibration_curve(right, confidences, n_bins=15)
    n = np.histogram(confidences, np.linspace(0, 1, 16))[0]
    error = np.sum(n[n > 0] / len(labels) * np.abs(accuracy - confidence))
    assert f"Expected calibration error {error:.4f}" in texts(app)
    control(app, "Answer only when at least this sure").set_value(0.9).run()
    answered = confidences >= 0.9
    assert f"({answered.sum():,} of 12,000)" in texts(app)
    assert f"be right on **{right[answered].mean():.2%}**" in texts(app)


def test_a_loss_without_probabilities_has_no_reliability_diagram_but_ranks(open_page, store, dataset):
    store.publish(baseline_run(dataset, BaselineSettings(loss="perceptron")))
    app = open_page("evaluation.py", view="trust")
    assert not app.exception
    assert "The loss **perceptron** gives scores, not probabilities" in texts(app)
    assert len(app.get("plotly_chart")) == 2, "the ruler, and accuracy against the share answered"
    assert control(app, "Answer this share, the largest leads first").value == 0.8
    assert "the number is the lead over its second choice" in texts(open_page("evaluation.py"))


def test_a_diverged_training_is_said_to_be_one(open_page, store, dataset):
    run = network_run(dataset, NetworkSettings(learning_rate=1.0))
    broken = replace(run.result, validation_probabilities=np.full((12_000, 10), np.nan, dtype=np.float32))
    store.publish(replace(run, result=broken))
    for view in ("confusions", "mistakes", "trust", "duel"):
        app = open_page("evaluation.py", view=view)
        assert not app.exception, view
    assert metrics(app)["Loss"] == "none"
    assert "its answers are no longer numbers" in texts(app)


def test_the_duel_is_statsmodels_on_the_pictures_that_both_held_out(open_page, store, dataset, run):
    other = network_run(dataset, NetworkSettings(seed=7, validation_share=0.5))
    store.publish(other)
    app = open_page("evaluation.py", run=run.run_id, against=other.run_id, view="duel")
    assert not app.exception
    right = {}
    for each in (run, other):
        labels = dataset.train.labels[each.result.validation_indices]
        hits = each.result.validation_probabilities.argmax(axis=1) == labels
        right[each.run_id] = dict(zip(each.result.validation_indices.tolist(), hits.tolist(), strict=True))
    common = sorted(set(right[run.run_id]) & set(right[other.run_id]))
    a, b = (np.array([right[each.run_id][position] for position in common]) for each in (run, other))
    p_value = mcnemar([[0, (a & ~b).sum()], [(b & ~a).sum(), 0]], exact=True).pvalue
    assert f"the {len(common):,} training pictures that both had held out" in texts(app)
    values = metrics(app)
    assert values["Accuracy of A"] == f"{a.mean():.4f}"
    assert values["Accuracy of B"] == f"{b.mean():.4f}"
    lead = 100 * (int(a.sum()) - int(b.sum())) / len(common)
    assert values["A minus B"] == f"{'−' if lead < 0 else '+'}{abs(lead):.2f} points"
    assert f"is ahead by {abs(lead):.2f} percentage points" in texts(app), "the sentence and the figure agree"
    assert values["p-value"] == (f"{p_value:.4f}" if p_value >= 1e-4 else "< 0.0001")
    assert f"disputed, only one is right: A {(a & ~b).sum():,}, B {(b & ~a).sum():,}" in texts(app)
    assert ("Within chance" in texts(app)) == (p_value >= 0.05)


def test_a_duel_without_common_pictures_says_what_to_do(open_page, store, dataset, run):
    first, second = (network_run(dataset, NetworkSettings(seed=seed, validation_share=0.05)) for seed in (1, 2))
    only = np.setdiff1d(second.result.validation_indices, first.result.validation_indices)
    fewer = replace(
        second.result,
        validation_indices=only.astype(np.int32),
        validation_probabilities=second.result.validation_probabilities[: len(only)],
        validation_predictions_by_epoch=second.result.validation_predictions_by_epoch[:, : len(only)],
    )
    store.publish(first)
    store.publish(Run.of(second.settings, dataset.digest, fewer, seconds=2.5))
    app = open_page("evaluation.py", run=first.run_id, against=second.run_id, view="duel")
    assert not app.exception
    assert "no picture in common" in texts(app)


def test_a_duel_needs_two(open_page, run):
    app = open_page("evaluation.py", view="duel", against=run.run_id)
    assert not app.exception
    assert "Choose a second run above" in texts(app)


@pytest.mark.parametrize(
    ("only_a", "only_b", "words"),
    [
        (300, 100, "Real: A is better"),
        (100, 300, "Real: B is better"),
        (50, 45, "Within chance:"),
        (20, 20, "No difference"),
        (0, 0, "No difference"),
    ],
)
def test_the_verdict_is_one_plain_sentence(only_a, only_b, words):
    labels = np.zeros(5000, dtype=int)
    a, b = np.zeros(5000, dtype=int), np.zeros(5000, dtype=int)
    b[:only_a] = 1
    a[only_a : only_a + only_b] = 1
    assert words in duel.verdict(compare(labels, a, b), "the same pictures")


def photo():
    pixels = np.full((300, 200, 3), 240, dtype=np.uint8)
    pixels[60:240, 50:150] = (40, 60, 120)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def test_an_own_picture_is_asked_of_network_and_baseline_as_it_was_prepared(open_page, store, dataset, queue, run):
    baseline = baseline_run(dataset)
    store.publish(baseline)
    asked = []

    def predict(run_id, images):
        asked.append((run_id, images))
        return np.eye(10, dtype=np.float32)[[7]]

    queue.predict = predict
    app = open_page("evaluation.py", run=run.run_id, against=baseline.run_id, view="own")
    assert not app.exception
    app.file_uploader[0].upload("thing.png", photo()).run()
    assert not app.exception
    expected = prepare(decode(photo()).pixels)
    (run_id, images), *more = asked
    assert run_id == run.run_id
    np.testing.assert_array_equal(images[0], expected[-1].pixels)
    assert not more
    assert "**A: Network: the lesson** says **Sneaker**, 100% sure." in texts(app)
    assert "**B: Baseline: the lesson** says" in texts(app)
    for step in expected:
        assert step.done in texts(app)
    control(app, "2. Inverted").set_value(False).run()
    assert "Off: light stays light." in texts(app)
    assert len(asked) == 2
    app.run()
    assert len(asked) == 2, "the same picture is not asked about again"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"<svg/>", "The file is no PNG, JPEG or WebP picture"),
        (b"", "The file is empty."),
        (b"\x89PNG\r\n\x1a\n" + bytes(99), "The picture cannot be used"),
    ],
)
def test_a_file_that_is_no_picture_gets_a_sentence(open_page, run, content, sentence):
    app = open_page("evaluation.py", view="own")
    app.file_uploader[0].upload("thing.png", content).run()
    assert not app.exception
    assert sentence in texts(app)


def test_a_worker_that_cannot_answer_gets_a_sentence(open_page, run, queue):
    def refuse(run_id, images):
        raise JobRefused("The worker is starting; try again in a few seconds.")

    queue.predict = refuse
    app = open_page("evaluation.py", view="own")
    app.file_uploader[0].upload("thing.png", photo()).run()
    assert not app.exception
    assert "could not be asked: The worker is starting" in texts(app)


@pytest.mark.parametrize("sheet", [5, "x", "data:image/png;base64,***", {"a": 1}, ["data:image/png;base64,"]])
def test_a_drawing_from_a_modified_client_is_refused(sheet):
    with pytest.raises(PictureError):
        drawing.read_sheet(sheet)


def test_a_drawing_is_read():
    assert drawing.read_sheet("") is None
    assert drawing.read_sheet(None) is None
    assert drawing.read_sheet("data:image/png;base64," + base64.b64encode(photo()).decode()) == photo()


def test_the_ruler_orders_all_and_warns_of_what_is_too_good(open_page, store, dataset):
    marks = [ruler.Mark("this run", 0.88, (0.87, 0.89), "12,000 validation pictures")]
    table = ruler.to_table(marks)
    assert table["accuracy"].is_monotonic_increasing
    assert len(table) == len(ruler.PUBLISHED) + 1
    assert (table["source"] != "").all()
    run = network_run(dataset)
    perfect = np.eye(10, dtype=np.float32)[dataset.train.labels[run.result.validation_indices]]
    store.publish(replace(run, result=replace(run.result, validation_probabilities=perfect)))
    app = open_page("evaluation.py")
    assert not app.exception
    assert "look for a mistake before celebrating" in texts(app)


def test_classes_without_pictures_are_named_and_left_out(open_page, store, dataset):
    run = network_run(dataset, NetworkSettings(split="sorted"))
    store.publish(run)
    app = open_page("evaluation.py")
    assert not app.exception
    assert "No picture of T-shirt/top, Trouser" in texts(app)
    assert set(confusion.class_table(measure(run.run_id).report)["class"]) == {"Bag", "Ankle boot"}


def test_what_a_run_bought_over_the_baseline_is_said_at_once_and_paired(open_page, store, dataset, run):
    baseline = baseline_run(dataset)
    store.publish(baseline)
    app = open_page("evaluation.py")
    control(app, "Run to look at").set_value(run.run_id).run()
    assert not app.exception
    assert app.query_params == {"run": run.run_id, "against": baseline.run_id}
    held_out = run.result.validation_indices
    labels = dataset.train.labels[held_out]
    network = accuracy_score(labels, run.result.validation_probabilities.argmax(axis=1))
    bar = accuracy_score(labels, baseline.result.out_of_fold_scores[held_out].argmax(axis=1))
    assert f"**{100 * (network - bar):+.2f} percentage points** against Baseline: the lesson" in texts(app)
    assert f"{network:.4f} and {bar:.4f}, on the 12,000 pictures that both had held out" in texts(app)
    assert f":material/check: {100 * (network - bar):+.2f} points against Baseline: the lesson" in texts(app)
    assert f":material/check: baseline {baseline.result.mean_accuracy:.4f} out of fold" in texts(app)
    assert f":material/check: network {network:.4f} on validation" in texts(app)


def test_a_link_to_one_run_compares_it_with_nothing(open_page, store, dataset, run):
    store.publish(baseline_run(dataset))
    app = open_page("evaluation.py", run=run.run_id)
    assert app.query_params == {"run": run.run_id}
    assert "percentage points" not in texts(app)


def test_a_link_sets_what_it_leaves_out_to_the_default(open_page, run):
    app = open_page("evaluation.py", run=run.run_id, view="mistakes", true="6")
    assert (app.query_params["view"], app.query_params["true"]) == ("mistakes", "6")
    app.query_params.clear()
    app.query_params["run"] = run.run_id
    app.run()
    assert app.query_params == {"run": run.run_id}
    assert "The five commonest confusions" in texts(app)
    assert control(app, "What it is").value == "any class"


def test_what_was_wrong_with_a_link_is_forgotten_with_the_next_choice(open_page, run):
    app = open_page("evaluation.py", run=run.run_id, view="everything")
    assert "view must be" in texts(app)
    app.run()
    assert "view must be" in texts(app), "a rerun alone forgets nothing"
    control(app, "View").set_value("trust").run()
    assert "view must be" not in texts(app.run())


def test_a_test_pictures_number_stays_out_of_the_address(open_page, run):
    app = open_page("evaluation.py", run=run.run_id, view="mistakes")
    next(button for button in app.button if button.label == "Open the test set").click().run()
    control(app, "Pictures").set_value("test").run()
    app.session_state["evaluation.picture"] = 5
    app.run()
    assert not app.exception
    assert "picture 5 of test" in texts(app)
    assert "picture" not in app.query_params


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        (NetworkSettings(), "Network: the lesson"),
        (NetworkSettings(epochs=9), "Network: 9 epochs"),
        (NetworkSettings(hidden_units=(100,)), "Network: One hidden layer (100)"),
        (replace(PRESETS["Small CNN"], epochs=8), "Network: Small CNN, 8 epochs"),
        (NetworkSettings(hidden_units=(300, 20), seed=3), "Network: layers of 300 and 20, seed 3"),
        (NetworkSettings(epochs=1, hidden_units=(100, 100, 100)), "Network: 1 epoch, 3 layers of 100"),
        (replace(PRESETS["Strong CNN"], hidden_units=(), flips=False), "Network: Strong CNN, no layers, no flips"),
        (BaselineSettings(max_iter=10, scaling=False), "Baseline: max_iter 10, no scaling"),
    ],
)
def test_a_run_is_called_after_the_network_it_comes_nearest_to(dataset, settings, name):
    run = (network_run if isinstance(settings, NetworkSettings) else baseline_run)(dataset, settings)
    assert run_names.describe(run.record) == name


@pytest.mark.parametrize(("n_batches", "epoch"), [(1, 1), (1500, 1), (1501, 2), (24_125, 17)])
def test_a_stopped_training_is_called_after_the_epoch_in_which_it_was_stopped(dataset, n_batches, epoch):
    run = network_run(dataset, NetworkSettings(epochs=50), stopped_after=n_batches)
    assert run_names.describe(run.record) == f"Network: 50 epochs, stopped by hand in epoch {epoch}"


@pytest.mark.parametrize(("difference", "words"), [(0.05375, "+5.38"), (-0.05375, "−5.38"), (0, "+0.00")])
def test_a_difference_is_rounded_once_and_has_a_true_minus(difference, words):
    assert duel.points(difference) == words


def test_counts_have_thousands_separators_and_the_chosen_cell_is_framed():
    matrix = 1195 * np.eye(10, dtype=int)
    counts, _ = confusion.chart(matrix, as_shares=False, chosen=(6, 0)).data
    assert counts.text[3][3] == "1,195"
    shares = confusion.chart(matrix, as_shares=True)
    assert shares.data[0].text[3][3] == "100%"
    assert not shares.layout.shapes
    (frame,) = confusion.chart(matrix, as_shares=False, chosen=(6, 0)).layout.shapes
    assert (frame.x0, frame.x1, frame.y0, frame.y1) == (-0.5, 0.5, 5.5, 6.5)

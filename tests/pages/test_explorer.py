import json

import numpy as np
import pytest

from fmnist_core import BaselineSettings, NetworkSettings
from fmnist_core.dataset import CLASS_NAMES
from fmnist_core.doubtful_labels import find_doubtful
from fmnist_core.exploration import count_neighbours, describe_classes, distances_to_mean
from pages.parts import class_view, data_map, explored, picture_list, sample
from pages.parts import explorer_state as state
from tests.examples import baseline_run, network_run
from tests.pages.conftest import galleries, texts


def charts(app):
    return [json.loads(each.proto.spec) for each in app.get("plotly_chart")]


def shown_positions(gallery):
    """The positions that a gallery's descriptions name: "Shirt, picture 18 of train"."""
    return [int(description.split("picture ")[1].split(" of")[0]) for description in gallery["descriptions"]]


def test_the_first_screen_says_what_this_is_and_what_to_do_first(open_page):
    app = open_page("explorer.py")
    assert not app.exception
    assert "first deep-learning lesson" in texts(app)
    assert "Start here" in texts(app)
    assert {metric.value for metric in app.metric} >= {"60,000", "10,000", "10", "28 × 28"}


def test_the_lessons_strip_shows_its_ten_labels(open_page):
    strip = galleries(open_page("explorer.py"))[0]
    assert [caption.split()[0] for caption in strip["captions"]] == list("9003027255")


@pytest.mark.parametrize(("query", "split"), [({}, "train"), ({"split": "test", "classes": "6,4"}, "test")])
def test_filters_from_the_address_show_exactly_those_pictures(open_page, dataset, query, split):
    app = open_page("explorer.py", **query)
    assert not app.exception
    labels = getattr(dataset, split).labels
    wanted = np.flatnonzero(np.isin(labels, [4, 6])) if query else np.arange(len(labels))
    expected = [CLASS_NAMES[label] for label in labels[wanted[:100]]]
    assert galleries(app)[1]["captions"] == expected
    assert shown_positions(galleries(app)[1]) == wanted[:100].tolist()


def test_typical_pictures_come_in_the_order_of_their_distance(open_page, dataset):
    app = open_page("explorer.py", split="test", classes="5", order="untypical", per_page="200", page="2")
    distances = distances_to_mean(dataset.test, describe_classes(dataset.train).means)
    own = np.flatnonzero(dataset.test.labels == 5)
    expected = own[np.argsort(-distances[own], kind="stable")][200:400]
    assert shown_positions(galleries(app)[1]) == expected.tolist()
    assert app.query_params == {"split": "test", "classes": "5", "order": "untypical", "per_page": "200", "page": "2"}


def test_a_seed_makes_a_random_order_that_a_link_repeats(open_page):
    first = shown_positions(galleries(open_page("explorer.py", order="random", seed="7"))[1])
    again = shown_positions(galleries(open_page("explorer.py", order="random", seed="7"))[1])
    other = shown_positions(galleries(open_page("explorer.py", order="random"))[1])
    assert first == again != other
    assert sorted(picture_list.matching("train", (), "", "random", 7)) == list(range(60_000))


def test_an_index_shows_exactly_those_pictures_in_that_order(open_page):
    app = open_page("explorer.py", index="30-33, 7,31")
    assert shown_positions(galleries(app)[1]) == [30, 31, 32, 33, 7]


def test_a_wrong_index_typed_by_hand_gets_a_sentence(open_page):
    app = open_page("explorer.py")
    app.text_input(key="explorer.index").set_value("0-").run()
    assert not app.exception
    assert "Index takes numbers or ranges" in texts(app)


def test_the_most_doubtful_order_needs_a_baseline_and_offers_to_run_it(open_page, queue):
    app = open_page("explorer.py", order="doubtful")
    assert not app.exception
    assert "No baseline has been run yet" in texts(app)
    app.button(key="explorer.baseline").click().run()
    assert [job.settings for job in queue.jobs()] == [BaselineSettings()]


def test_the_most_doubtful_pictures_come_first(open_page, store, dataset):
    run = baseline_run(dataset)
    store.publish(run)
    expected = np.argsort(-margins(dataset.train.labels, run.result.out_of_fold_probabilities), kind="stable")
    app = open_page("explorer.py", order="doubtful")
    assert shown_positions(galleries(app)[1]) == expected[:100].tolist()


def margins(labels, probabilities):
    """The best other class's probability minus the label's, in the precision that the engine keeps."""
    rows = np.arange(len(labels))
    others = probabilities.copy()
    others[rows, labels] = -1
    return (others.max(axis=1) - probabilities[rows, labels]).astype(np.float32)


def test_doubtful_labels_stand_beside_the_suggested_ones(open_page, store, dataset):
    run = baseline_run(dataset)
    store.publish(run)
    app = open_page("explorer.py", view="doubtful", classes="6", per_page="50")
    assert not app.exception
    labels = dataset.train.labels
    doubtful = find_doubtful(labels, run.result.out_of_fold_probabilities)
    shirts = labels[doubtful.positions] == 6
    assert f"{len(doubtful.positions):,} of 60,000 labels are doubtful" in texts(app)
    gallery = galleries(app)[0]
    assert shown_positions(gallery) == doubtful.positions[shirts][:50].tolist()
    suggested, probability = doubtful.suggested[shirts][0], doubtful.probabilities[shirts][0]
    assert gallery["captions"][0] == f"Shirt → {CLASS_NAMES[suggested]} {probability:.2f}"


def test_without_a_baseline_doubtful_labels_say_so(open_page, store, dataset):
    store.publish(baseline_run(dataset, BaselineSettings(loss="hinge")))  # gives no probabilities
    app = open_page("explorer.py", view="doubtful")
    assert not app.exception
    assert "No baseline has been run yet" in texts(app)
    assert app.button(key="explorer.baseline")


def test_the_lessons_baseline_judges_before_any_other(open_page, store, dataset):
    lesson = baseline_run(dataset)
    for run in (lesson, baseline_run(dataset, BaselineSettings(max_iter=9))):
        store.publish(run)
    open_page("explorer.py")
    assert explored.best_baseline().run_id == lesson.run_id


def test_a_link_opens_one_picture_with_its_numbers(open_page, dataset):
    app = open_page("explorer.py", sample="18")
    assert not app.exception
    assert "picture 18 of train" in texts(app)
    value = dataset.train.images[18, 14, 14]
    assert f"`image[14, 14]` is **{value}**, scaled {value} / 255 = **{value / 255:.4f}**" in texts(app)
    assert app.query_params == {"sample": "18"}


def test_an_open_picture_shows_its_ten_neighbours(open_page, dataset):
    app = open_page("explorer.py", split="test", sample="3")
    assert not app.exception
    pixels = dataset.train.images.reshape(60_000, 784).astype(np.int32) - dataset.test.images[3].reshape(784)
    distances = np.sqrt(np.einsum("ij,ij->i", pixels, pixels)) / 255.0
    nearest = np.argsort(distances, kind="stable")[:10]
    neighbours = galleries(app)[-1]
    assert shown_positions(neighbours) == nearest.tolist()
    assert neighbours["captions"][0] == f"{CLASS_NAMES[dataset.train.labels[nearest[0]]]} {distances[nearest[0]]:.2f}"


def test_a_training_picture_opened_while_test_is_browsed_keeps_the_list(open_page):
    query = {"split": "test", "sample": "59999", "sample_split": "train"}
    app = open_page("explorer.py", **query)
    assert not app.exception
    assert "picture 59,999 of train" in texts(app)
    assert app.query_params == query


def test_the_pixels_can_be_seen_scaled_and_the_flat_line_is_the_picture_row_by_row(open_page, dataset):
    app = open_page("explorer.py", sample="18")
    app.toggle(key="explorer.scaled").set_value(True).run()
    assert not app.exception
    titles = [chart["layout"]["title"]["text"] for chart in charts(app)]
    assert any("/ 255" in title for title in titles)
    assert any(title.startswith("Flattened: row 14 fills 392 to 419") for title in titles)


def test_a_pixel_is_followed_from_the_picture_into_the_line(dataset):
    image = dataset.train.images[18]
    picture = sample.pixels_chart(image, True, (3, 5), "A shirt")
    line = sample.flat_chart(image, True, (3, 5))
    (values,), (told,) = line.data[0].z, line.data[0].customdata
    np.testing.assert_allclose(values, image.ravel() / 255.0)
    assert told[89].tolist() == [3, 5, image[3, 5], image[3, 5] / 255.0]
    frames = [(shape.x0, shape.x1, shape.y0, shape.y1) for figure in (picture, line) for shape in figure.layout.shapes]
    assert frames == [(-0.5, 27.5, 2.5, 3.5), (4.5, 5.5, 2.5, 3.5), (83.5, 111.5, -0.5, 0.5), (88.5, 89.5, -0.5, 0.5)]
    assert picture.layout.yaxis.ticktext[1] == "84–111"  # row 3 stands where its numbers go


def test_classes_show_their_means_their_spreads_and_what_separates_two(open_page, dataset):
    app = open_page("explorer.py", view="classes", first="7", second="9")
    assert not app.exception
    means, spreads = galleries(app)
    assert means["captions"][0] == "0 T-shirt/top: 6,000"
    assert len(spreads["captions"]) == 10
    assert "of these 12,000 pictures" in texts(app)
    assert any(chart["layout"]["title"]["text"] == "Mean Ankle boot minus mean Sneaker" for chart in charts(app))
    assert "Once a model has been run" in texts(app)


def test_the_neighbour_table_links_to_that_cell_of_a_run(open_page, store, dataset):
    run = network_run(dataset, NetworkSettings())
    store.publish(run)
    app = open_page("explorer.py", view="classes", first="6", second="2")
    links = [link.proto for link in app.get("page_link")]
    wanted = [link for link in links if "Shirt" in link.label and "Pullover" in link.label]
    assert run.run_id in str(wanted[0])
    positions = explored.picture_map().positions
    counts = count_neighbours(dataset.train.images[positions], dataset.train.labels[positions])
    share = counts[6, 2] / counts[6].sum()
    assert {metric.label: metric.value for metric in app.metric}[
        "Neighbours of Shirt that are Pullover"
    ] == f"{share:.1%}"


def test_the_same_class_twice_is_compared_with_another(open_page):
    app = open_page("explorer.py", view="classes", first="6", second="6")
    assert not app.exception
    assert "The same class twice" in texts(app)


def test_the_ink_table_holds_the_share_of_all_pixels_that_are_not_background(dataset):
    table = class_view.histogram_table(describe_classes(dataset.train))
    trousers = dataset.train.images[dataset.train.labels == 1]
    assert table["Trouser"].sum() == pytest.approx(np.count_nonzero(trousers) / trousers.size)
    assert table["Trouser"].iloc[3] == pytest.approx(((trousers >= 48) & (trousers < 64)).mean())


@pytest.mark.parametrize("layout", ["tsne", "pca"])
def test_the_map_shows_as_many_points_as_asked_for(open_page, layout):
    app = open_page("explorer.py", view="map", layout=layout, map_size="500")
    assert not app.exception
    traces = charts(app)[0]["data"]
    assert [trace["name"] for trace in traces] == list(CLASS_NAMES)
    assert "Nothing is chosen yet" in texts(app)


def test_a_thinned_map_is_part_of_the_whole():
    laid_out = explored.picture_map()
    few = data_map.thin_out(laid_out, 500)
    assert len(set(few)) == 500
    assert (few == data_map.thin_out(laid_out, 500)).all()
    assert set(few) < set(data_map.thin_out(laid_out, 1000))


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"sample": "-1"}, "sample must be the number of a picture, 0 to 59,999; got '-1'."),
        ({"sample": "60000"}, "sample must be the number of a picture, 0 to 59,999; got '60000'."),
        ({"sample": "1e9"}, "0 to 59,999; got '1e9'."),
        ({"sample": "9" * 5000}, "0 to 59,999; got '9999"),
        ({"sample": "nan"}, "0 to 59,999; got 'nan'."),
        ({"sample": "²"}, "0 to 59,999; got '²'."),
        ({"sample": "<script>"}, "0 to 59,999; got '<script>'."),
        ({"sample": "10000", "split": "test"}, "There is no picture 10,000 in test: its last is 9,999."),
        ({"sample": ["1", "2"]}, "0 to 59,999; got '1 2'."),
        ({"sample": "1", "sample_split": "valid"}, "sample_split must be train or test; got 'valid'."),
        ({"split": "<script>"}, "split must be train or test; got '<script>'."),
        ({"split": ["train", "test"]}, "split must be train or test; got 'train test'."),
        ({"classes": "3,10"}, "classes must be numbers 0 to 9"),
        ({"classes": ""}, "classes must be numbers 0 to 9"),
        ({"order": "best"}, "order must be stored, random, typical, untypical or doubtful; got 'best'."),
        ({"view": "table"}, "view must be pictures, classes, map or doubtful; got 'table'."),
        ({"page": "0"}, "page must be a whole number"),
        ({"per_page": "1000000"}, "per_page must be 50, 100 or 200"),
        ({"seed": "-3"}, "seed must be a whole number"),
        ({"index": "5-2"}, "index must be numbers or ranges"),
        ({"index": "0-59999," * 200}, "index must be numbers or ranges"),
        ({"first": "11"}, "first must be the number of a class"),
        ({"map_size": "60000"}, "map_size must be 500, 1000 or 3000"),
        ({"other": "1"}, "There is no 'other' on this page."),
    ],
)
def test_a_bad_address_gets_a_sentence_that_says_what_exists(open_page, query, sentence):
    app = open_page("explorer.py", **query)
    assert not app.exception
    assert sentence in texts(app)


def test_a_click_that_ends_the_first_run_early_is_not_undone_by_the_address(open_page, monkeypatch):
    with monkeypatch.context() as early:
        early.setattr(state, "write", lambda: None)  # the run does not get so far
        app = open_page("explorer.py", classes="8", view="map")
    app.button_group(key="explorer.view").set_value("classes").run()
    assert not app.exception
    assert "What tells two classes apart" in texts(app)
    assert app.query_params == {"classes": "8", "view": "classes"}


def test_a_page_beyond_the_last_shows_the_last(open_page):
    app = open_page("explorer.py", split="test", classes="3", page="600")
    assert not app.exception
    assert app.number_input(key="explorer.page").value == 10
    assert app.query_params["page"] == "10"


def test_what_an_address_says_is_read_back_as_it_was_written():
    chosen = {
        "view": "map",
        "split": "test",
        "classes": "0,4",
        "index": "0-99,250",
        "order": "random",
        "seed": "12",
        "per_page": "50",
        "page": "3",
        "first": "2",
        "second": "4",
        "layout": "pca",
        "map_size": "1000",
    }
    fields, picture, problems = state.read(chosen)
    assert problems == []
    assert picture is None
    assert {name: field.write(fields[name]) for name, field in state.FIELDS.items()} == chosen


@pytest.mark.parametrize(
    "text", ["", ",", "1,", "-", "1-", "-1", "1-2-3", "0x1", "1_0", "٣", "60000", "2-1", "1.5", "a"]
)
def test_an_index_that_is_none_is_refused(text):
    with pytest.raises(ValueError):
        state.parse_index(text)


def test_damaged_data_gets_a_sentence_and_no_traceback(open_page, monkeypatch, tmp_path):
    monkeypatch.setenv("FMNIST_DATA", str(tmp_path))
    app = open_page("explorer.py")
    assert not app.exception
    assert "FMNIST_DATA" in app.error[0].value

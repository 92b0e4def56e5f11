import numpy as np
import pytest

from fmnist_core.dataset import CLASS_NAMES
from tests.pages.conftest import texts


def test_the_first_screen_says_what_this_is_and_what_to_do_first(open_page):
    app = open_page("explorer.py")
    assert not app.exception
    assert "first deep-learning lesson" in texts(app)
    assert "Start here" in texts(app)
    assert {metric.value for metric in app.metric} >= {"60,000", "10,000", "10", "28 x 28"}


def galleries(app):
    import json

    return [json.loads(each.proto.json) for each in app.get("bidi_component")]


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


def test_a_link_opens_one_picture_with_its_numbers(open_page, dataset):
    app = open_page("explorer.py", sample="18")
    assert not app.exception
    assert "picture 18 of train" in texts(app)
    assert f"image[14, 14]      {dataset.train.images[18, 14, 14]}" in app.code[0].value
    assert app.query_params == {"sample": "18"}


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"sample": "-1"}, "There is no picture '-1' in train: they are numbered 0 to 59,999."),
        ({"sample": "1e9"}, "There is no picture '1e9' in train"),
        ({"sample": "nan"}, "There is no picture 'nan'"),
        ({"sample": "10000", "split": "test"}, "numbered 0 to 9,999"),
        ({"sample": ["1", "2"]}, "There is no picture '1 2'"),
        ({"split": "<script>"}, "split must be train or test; got '<script>'."),
        ({"classes": "3,10"}, "classes must be numbers 0 to 9"),
        ({"page": "0"}, "page must be a whole number"),
        ({"other": "1"}, "There is no 'other' on this page."),
    ],
)
def test_a_bad_address_gets_a_sentence_that_says_what_exists(open_page, query, sentence):
    app = open_page("explorer.py", **query)
    assert not app.exception
    assert sentence in texts(app)


def test_damaged_data_gets_a_sentence_and_no_traceback(open_page, monkeypatch, tmp_path):
    monkeypatch.setenv("FMNIST_DATA", str(tmp_path))
    app = open_page("explorer.py")
    assert not app.exception
    assert "FMNIST_DATA" in app.error[0].value

"""The explorer in a real browser: what is shown after each click is computed here anew, from the data."""

import re

import numpy as np
import pytest
from playwright.sync_api import expect

from fmnist_core import load_dataset
from fmnist_core.dataset import CLASS_NAMES
from fmnist_core.exploration import describe_classes, distances_to_mean, lay_out
from tests.browser.test_lesson import has_no_traceback

pytestmark = pytest.mark.browser


def gallery(page, key="gallery"):
    return page.locator(f".st-key-explorer-{key}").get_by_role("button")


def describe(split, position):
    label = getattr(load_dataset(), split).labels[position]
    return f"{CLASS_NAMES[label]}, picture {position} of {split}"


def expect_pictures(page, split, positions, key="gallery"):
    """Exactly these, in this order."""
    expected = [describe(split, position) for position in positions]
    expect(gallery(page, key).first).to_have_attribute("aria-label", expected[0])
    expect(gallery(page, key)).to_have_count(len(expected))
    assert gallery(page, key).evaluate_all("all => all.map(each => each.ariaLabel)") == expected


def expect_opened(page, split, position):
    dialog = page.get_by_role("dialog")
    label = CLASS_NAMES[getattr(load_dataset(), split).labels[position]]
    expect(dialog.get_by_text(f"{label}, picture {position:,} of {split} (numbered from 0).")).to_be_visible()
    expect(page).to_have_url(re.compile(rf"[?&]sample={position}(&|$)"))
    return dialog


def nearest(split, position):
    """The ten nearest training pictures, itself left out, by comparing all."""
    dataset = load_dataset()
    pixels = dataset.train.images.reshape(60_000, 784)
    own = getattr(dataset, split).images[position].reshape(784).astype(np.int16)
    squares = np.concatenate(
        [np.square(part - own, dtype=np.int32).sum(axis=1) for part in np.array_split(pixels, 60)]
    ).astype(np.int64)
    if split == "train":
        squares[position] = np.iinfo(np.int64).max
    return np.argsort(squares, kind="stable")[:10].tolist()


def test_filters_orders_and_pages_show_exactly_their_pictures(open_page, server):
    test = load_dataset().test
    page = open_page(f"{server.url}/explorer")
    expect_pictures(page, "train", range(100))
    page.get_by_role("radio", name="test", exact=True).click()
    expect_pictures(page, "test", range(100))
    for name in ("Bag", "Coat"):
        page.get_by_role("toolbar", name="Classes").get_by_role("button", name=name).click()
        expect(page).to_have_url(re.compile(f"classes=.*{CLASS_NAMES.index(name)}"))
    own = np.flatnonzero(np.isin(test.labels, [4, 8]))
    expect_pictures(page, "test", own[:100])
    page.get_by_role("combobox", name="Order").click()
    page.get_by_role("option", name="least typical").click()
    distances = distances_to_mean(test, describe_classes(load_dataset().train).means)[own]
    ordered = own[np.argsort(-distances, kind="stable")]
    expect_pictures(page, "test", ordered[:100])
    page.get_by_role("button", name="Next", exact=True).click()
    expect_pictures(page, "test", ordered[100:200])
    expect(page.get_by_text("page 2 of 20 · 2,000 pictures")).to_be_visible()
    page.get_by_role("textbox", name="Index").fill("0-40")
    page.get_by_role("textbox", name="Index").press("Enter")
    expect_pictures(page, "test", ordered[ordered <= 40])
    expect(page).to_have_url(re.compile("split=test&classes=4%2C8&index=0-40&order=untypical$"))
    has_no_traceback(page)


def test_screen_readers_get_the_list_and_the_keyboard_opens_from_it(page):
    pictures = page.get_by_role("list", name="Pictures 1 to 100 of 60,000")
    expect(pictures.get_by_role("listitem")).to_have_count(100)
    pictures.get_by_role("button", name=describe("train", 0), exact=True).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    expect_opened(page, "train", 98)
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page).not_to_have_url(re.compile("sample="))
    expect(gallery(page).nth(98)).to_be_focused()  # back where the visitor was
    has_no_traceback(page)


def test_a_click_opens_a_picture_whose_pixels_tell_their_values(page):
    gallery(page).nth(18).click()
    dialog = expect_opened(page, "train", 18)
    image = load_dataset().train.images[18]
    chart = dialog.locator(".st-key-pixels .js-plotly-plot")
    row, column = 5, 12
    expect(chart.locator(".nsewdrag")).to_be_attached()
    chart.locator(".nsewdrag").scroll_into_view_if_needed()
    box = chart.locator(".nsewdrag").bounding_box()
    page.mouse.move(box["x"] + 2, box["y"] + 2)
    page.mouse.move(box["x"] + (column + 0.5) / 28 * box["width"], box["y"] + (row + 0.5) / 28 * box["height"], steps=3)
    value = image[row, column]
    expect(chart.locator(".hoverlayer")).to_contain_text(f"row {row}, column {column}")
    expect(chart.locator(".hoverlayer")).to_contain_text(f"{value}, scaled {value / 255:.4f}")
    dialog.get_by_role("slider", name="Row to follow").focus()
    page.keyboard.press("ArrowRight")
    expect(dialog.get_by_text(f"image[15, 14] is {image[15, 14]}, scaled")).to_be_visible()
    expect(dialog.get_by_text("Flattened: row 15 fills 420 to 447").first).to_be_visible()
    has_no_traceback(page)


def test_a_neighbour_is_followed_and_its_link_opens_it_for_somebody_else(open_page, server):
    page = open_page(f"{server.url}/explorer?split=test&sample=3")
    expect_opened(page, "test", 3)
    followed = nearest("test", 3)
    neighbours = gallery(page, "neighbours")
    expect(neighbours).to_have_count(10)
    labels = neighbours.evaluate_all("all => all.map(each => each.ariaLabel)")
    assert [label.partition(", distance")[0] for label in labels] == [describe("train", each) for each in followed]
    neighbours.nth(1).click()
    expect_opened(page, "train", followed[1])
    expect(neighbours.first).to_have_attribute(
        "aria-label", re.compile(describe("train", nearest("train", followed[1])[0]))
    )
    other = open_page(page.url)
    expect_opened(other, "train", followed[1])
    expect(other.get_by_role("radio", name="test", exact=True, include_hidden=True)).to_be_checked()  # the list behind
    has_no_traceback(other)


def test_a_lasso_on_the_map_brings_its_pictures_into_the_gallery(open_page, server):
    page = open_page(f"{server.url}/explorer?view=map&layout=pca&map_size=500")
    plot = page.locator(".st-key-explorer-map .js-plotly-plot")
    drawn = plot.locator(".scatterlayer .point")
    expect(drawn).to_have_count(500)
    plot.locator(".nsewdrag").scroll_into_view_if_needed()
    expect(page.get_by_text("Nothing is chosen yet")).to_be_visible()
    # where each point is on the screen, and which picture Plotly holds it for
    points = plot.evaluate(
        """plot => [...plot.querySelectorAll('.scatterlayer .point')].map(point => {
            const box = point.getBoundingClientRect()
            return [box.x + box.width / 2, box.y + box.height / 2, Number(point.__data__.data)]
        })"""
    )
    x, y, positions = np.array(points).T
    left, right = np.percentile(x, [55, 80])
    top, bottom = np.percentile(y, [30, 60])
    corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
    page.mouse.move(*corners[0])
    page.mouse.down()
    for corner in corners[1:]:
        page.mouse.move(*corner, steps=4)
    page.mouse.up()
    expect(page.get_by_text(re.compile(r"^\d+ chosen on the map$"))).to_be_visible()
    # what lies within two pixels of the line may fall on either side
    clearly_in = (x > left + 2) & (x < right - 2) & (y > top + 2) & (y < bottom - 2)
    maybe_in = (x > left - 2) & (x < right + 2) & (y > top - 2) & (y < bottom + 2)
    expect(gallery(page, "on_map").first).to_be_visible()
    labels = gallery(page, "on_map").evaluate_all("all => all.map(each => each.ariaLabel)")
    shown = [int(label.partition("picture ")[2].partition(" of train")[0]) for label in labels]
    assert len(shown) > 10
    assert set(positions[clearly_in]) <= set(shown) <= set(positions[maybe_in])
    assert set(shown) <= set(lay_out(load_dataset().train).positions)
    gallery(page, "on_map").first.click()
    expect_opened(page, "train", shown[0])
    has_no_traceback(page)


def test_classes_have_the_themes_colours_and_a_cell_chooses_two(open_page, server):
    page = open_page(f"{server.url}/explorer?view=classes", color_scheme="dark")
    table = page.locator(".st-key-explorer-similarity .js-plotly-plot")
    true, other = CLASS_NAMES.index("Sandal"), CLASS_NAMES.index("Sneaker")
    cell = table.locator(".scatterlayer .point").nth(10 * true + other)  # row by row
    cell.scroll_into_view_if_needed()
    box = cell.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page.get_by_text("Neighbours of Sandal that are Sneaker")).to_be_visible()
    expect(page).to_have_url(re.compile(f"first={true}&second={other}"))
    line = page.locator(".st-key-ink .js-plotly-plot .scatterlayer .js-line").first
    assert line.evaluate("each => getComputedStyle(each).stroke") == "rgb(131, 100, 230)"  # .streamlit/config.toml
    has_no_traceback(page)


def test_a_finger_opens_a_picture_on_a_narrow_screen(open_page, server):
    page = open_page(server.url, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    gallery(page).nth(7).tap()
    expect_opened(page, "train", 7)
    page.get_by_role("dialog").get_by_role("button", name="Close").tap()
    expect(page.get_by_role("dialog")).to_have_count(0)
    for view, text in (
        ("Classes", "What tells two classes apart"),
        ("Map", "Each point is a training picture"),
        ("Pictures", "page 1 of 600"),
    ):
        page.get_by_role("radio", name=view).tap()
        expect(page.get_by_text(text)).to_be_visible()
        expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
        sideways = page.get_by_test_id("stMain").evaluate("each => each.scrollWidth - each.clientWidth")
        assert sideways <= 0, f"{view} is {sideways} pixels wider than the screen"
    has_no_traceback(page)


def test_a_bad_address_gets_a_sentence(open_page, server):
    page = open_page(server.url)
    for query, sentence in (
        ("sample=-1", "sample must be the number of a picture, 0 to 59,999; got '-1'."),
        ("sample=1e9&split=test", "0 to 59,999; got '1e9'."),
        ("sample=nan", "0 to 59,999; got 'nan'."),
        ("sample=<script>alert(1)</script>", "0 to 59,999; got '<script>alert(1)</script>'."),
        ("sample=1&sample=2", "0 to 59,999; got '1 2'."),
        ("split=valid", "split must be train or test; got 'valid'."),
    ):
        page.goto(f"{server.url}/explorer?{query}")
        expect(page.get_by_text(sentence)).to_be_visible()
        expect(gallery(page)).to_have_count(100)  # and the page goes on
        has_no_traceback(page)

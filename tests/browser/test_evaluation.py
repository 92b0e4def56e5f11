"""The evaluation page with real runs in a real browser: what a click shows is checked against numpy."""

import io
import re

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect
from scipy.special import softmax

from fmnist_core import BaselineSettings, NetworkSettings, RunStore, load_dataset, run_baseline
from fmnist_core.baseline import to_probabilities
from fmnist_core.comparison import compare
from fmnist_core.dataset import CLASS_NAMES, DATA_DIGEST
from fmnist_core.pictures import decode, prepare
from fmnist_core.runs import Run, identify
from pages.parts.duel import points, verdict
from tests.browser.test_lesson import TRAINING_SECONDS, button, has_no_traceback

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def runs(server):
    """Two real baselines, cheap ones, in the server's store; other tests use other seeds."""
    made = []
    for seed in (901, 902):
        settings = BaselineSettings(max_iter=1, folds=2, seed=seed)
        made.append(Run.of(settings, DATA_DIGEST, run_baseline(load_dataset(), settings), seconds=3.0))
        RunStore(server.runs).publish(made[-1])
    return made


def name_of(run):
    """What the page calls it."""
    return f"Baseline: max_iter 1, folds 2, seed {run.settings.seed}"


def metric(page, label):
    return page.get_by_test_id("stMetric").filter(has_text=re.compile(rf"^{re.escape(label)}"))


def settled_box(locator):
    """Where something is, once it has stood still: a chart draws itself twice, and a click in between goes astray."""
    locator.scroll_into_view_if_needed()
    box = locator.evaluate(
        """element => new Promise(resolve => {
            let before = "", still = 0
            const look = () => {
                const { x, y, width, height } = element.getBoundingClientRect()
                const now = [x, y, width, height].join()
                still = now === before ? still + 1 : 0
                before = now
                still > 20 ? resolve({ x, y, width, height }) : requestAnimationFrame(look)
            }
            look()
        })"""
    )
    return box["x"], box["y"], box["width"], box["height"]


def gallery_shows(page, positions):
    """The gallery holds the pictures at these positions, in this order, and no others."""
    buttons = page.get_by_role("list", name="Pictures", exact=True).get_by_role("button")
    expect(buttons.first).to_have_attribute("title", re.compile(f"picture {positions[0]}$"))
    titles = buttons.evaluate_all("all => all.map(each => each.title)")
    assert [int(title.rpartition("picture ")[2]) for title in titles] == positions


def cell_of(run, true, predicted):
    """Positions of a cell's pictures, the surest first, computed here."""
    labels, scores = load_dataset().train.labels, run.result.out_of_fold_scores
    found = np.flatnonzero((labels == true) & (scores.argmax(axis=1) == predicted))
    sure = to_probabilities(scores[found], "log_loss").max(axis=1)
    return [int(position) for position in found[np.argsort(-sure, kind="stable")]]


def test_a_click_on_a_cell_shows_exactly_its_pictures_and_the_table_can_be_taken_away(open_page, server, runs):
    page = open_page(f"{server.url}/evaluation?run={runs[0].run_id}")
    true, predicted = CLASS_NAMES.index("Shirt"), CLASS_NAMES.index("Coat")
    matrix = page.locator(".js-plotly-plot").filter(has_text="True class (row), the model's answer (column)")
    x, y, width, height = settled_box(matrix.locator(".scatterlayer .point").nth(10 * true + predicted))
    page.mouse.click(x + width / 2, y + height / 2)
    expect(page).to_have_url(re.compile(f"true={true}.*predicted={predicted}"))
    expected = cell_of(runs[0], true, predicted)
    expect(page.get_by_text(f"{len(expected):,} mistakes among 60,000 pictures out of fold")).to_be_visible()
    gallery_shows(page, expected[:60])

    with page.expect_download() as download:
        page.get_by_role("button", name="Table (CSV)").last.click()
    rows = download.value.path().read_text().splitlines()
    assert rows[0] == "true class," + ",".join(CLASS_NAMES)
    said = runs[0].result.out_of_fold_scores.argmax(axis=1)
    expected = np.bincount(said[load_dataset().train.labels == 0], minlength=10)
    assert rows[1] == "T-shirt/top," + ",".join(map(str, expected))
    has_no_traceback(page)


def test_the_keyboard_reaches_the_same_pictures_and_opens_one(open_page, server, runs):
    page = open_page(f"{server.url}/evaluation?run={runs[0].run_id}&against={runs[1].run_id}")
    for label, name, field in (("What it is", "Sneaker", "true=7"), ("What the model said", "Sandal", "predicted=5")):
        page.get_by_role("combobox", name=re.compile(label)).focus()
        page.keyboard.type(name)
        expect(page.get_by_role("option", name=name, exact=True)).to_be_visible()
        page.keyboard.press("Enter")
        expect(page).to_have_url(re.compile(field))
    expected = cell_of(runs[0], 7, 5)
    expect(page.get_by_text(f"{len(expected):,} mistakes among 60,000")).to_be_visible()
    gallery_shows(page, expected[:60])
    page.get_by_role("list", name="Pictures", exact=True).get_by_role("button").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text(f"picture {expected[1]:,} of train")).to_be_visible()
    for letter, run in zip("AB", runs, strict=True):
        expect(dialog.get_by_text(f"{letter}: {name_of(run)}")).to_be_visible()
    expect(page).to_have_url(re.compile(f"picture={expected[1]}"))
    page.keyboard.press("Escape")
    expect(page).not_to_have_url(re.compile("picture="))
    has_no_traceback(page)


def test_a_duel_is_fought_and_its_groups_are_shown(open_page, server, runs):
    page = open_page(f"{server.url}/evaluation?run={runs[0].run_id}&against={runs[1].run_id}&view=duel")
    labels = load_dataset().train.labels
    duel = compare(labels, *(run.result.out_of_fold_scores.argmax(axis=1) for run in runs))
    expect(metric(page, "A minus B")).to_contain_text(f"{points(duel.difference)} points")
    expect(page.get_by_text(f"95%: {points(duel.interval[0])} to {points(duel.interval[1])} points")).to_be_visible()
    words = verdict(duel, "the same 60,000 pictures, which both had held out").replace("**", "")
    expect(page.get_by_test_id("stAlert").filter(has_text=words)).to_be_visible()
    page.get_by_role("radio", name=f"Only B right ({duel.counts[2]:,})").click()
    pictures = page.get_by_role("list", name="Pictures of the duel").get_by_role("button")
    expect(pictures.first).to_have_attribute("title", re.compile("B\u00a0✓"))
    assert pictures.count() == min(duel.counts[2], 40)
    has_no_traceback(page)


def test_the_test_set_is_opened_on_purpose_and_for_one_visitor_only(open_page, server, runs):
    page = open_page(f"{server.url}/evaluation?run={runs[0].run_id}")
    expect(page.get_by_text("The test set is sealed.")).to_be_visible()
    assert "test pictures" not in page.inner_text("body")
    button(page, "Open the test set").click()
    accuracy = np.mean(runs[0].result.test_scores.argmax(axis=1) == load_dataset().test.labels)
    expect(page.get_by_text("of 10,000 test pictures")).to_be_visible()
    expect(page.get_by_test_id("stMetric").filter(has_text=re.compile(r"^Accuracy\s*test"))).to_contain_text(
        f"{accuracy:.4f}"
    )
    expect(page.get_by_text("The test set is open")).to_be_visible()
    other = open_page(page.url)
    expect(other.get_by_text("The test set is sealed.")).to_be_visible()
    has_no_traceback(page)


def photo():
    """A shirt of a dark colour, photographed before a light wall with a shadow and noise."""
    random = np.random.default_rng(0)
    height, width = np.mgrid[0:900, 0:700]
    wall = 215 + 15 * (width / 700) + random.normal(0, 4, (900, 700))
    body = (height > 200) & (height < 780) & (abs(width - 350) < 150)
    sleeves = (height > 200) & (height < 420) & (abs(width - 350) < 290)
    pixels = np.stack([wall, wall, wall - 8], axis=-1)
    pixels[body | sleeves] = np.array([40, 50, 110]) + random.normal(0, 6, (int((body | sleeves).sum()), 3))
    buffer = io.BytesIO()
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def answer(run, content):
    small = prepare(decode(content).pixels)[-1].pixels
    scores = (small.reshape(784) / 255.0) @ run.result.coefficients.T + run.result.intercepts
    return CLASS_NAMES[int(scores.argmax())]


def test_a_photo_is_uploaded_brought_to_28_by_28_and_asked_about(open_page, server, runs):
    page = open_page(f"{server.url}/evaluation?run={runs[0].run_id}&against={runs[1].run_id}&view=own")
    page.locator("input[type=file]").set_input_files({"name": "shirt.jpg", "mimeType": "image/jpeg", "buffer": photo()})
    for letter, run in zip("AB", runs, strict=True):
        expect(page.get_by_text(f"{letter}: {name_of(run)} says {answer(run, photo())}")).to_be_visible()
    expect(page.get_by_text("Shrunk to 28 × 28: each new pixel is the mean of a patch.")).to_be_visible()
    page.get_by_text("2. Inverted").click()
    expect(page.get_by_text("Off: light stays light.")).to_be_visible()
    has_no_traceback(page)


def test_a_network_is_asked_about_a_photo_in_the_worker(open_page, server):
    settings = NetworkSettings(epochs=1, batch_size=512, seed=901)
    page = open_page(f"{server.url}/network?epochs=1&batch_size=512&seed=901")
    button(page, "Train").click()
    expect(page.get_by_test_id("stMetric").first).to_be_visible(timeout=TRAINING_SECONDS)
    run = RunStore(server.runs).load(identify(settings, DATA_DIGEST))
    page.goto(f"{server.url}/evaluation?run={run.run_id}&view=own")
    page.locator("input[type=file]").set_input_files({"name": "shirt.jpg", "mimeType": "image/jpeg", "buffer": photo()})
    pixels = prepare(decode(photo()).pixels)[-1].pixels.reshape(784) / 255.0
    scores = pixels @ run.result.weights[:7840].reshape(784, 10) + run.result.weights[7840:]
    said = f"says {CLASS_NAMES[int(scores.argmax())]}, {softmax(scores).max():.0%} sure."
    expect(page.get_by_text(f"A: Network: 1 epoch, batch size 512, seed 901 {said}")).to_be_visible()
    has_no_traceback(page)


def test_a_drawing_is_asked_about_stroke_by_stroke(open_page, server, runs):
    page = open_page(f"{server.url}/evaluation?run={runs[0].run_id}&view=own")
    page.get_by_role("radio", name="Draw").click()
    sheet = page.locator("canvas[aria-label='Sheet to draw on']")
    sheet.scroll_into_view_if_needed()
    box = sheet.bounding_box()
    for left in (90, 130, 170):
        page.mouse.move(box["x"] + left, box["y"] + 40)
        page.mouse.down()
        page.mouse.move(box["x"] + left, box["y"] + 240, steps=5)
        page.mouse.up()
    expect(page.get_by_text(f"A: {name_of(runs[0])} says")).to_be_visible()
    page.get_by_role("button", name="Clear", exact=True).click()
    expect(page.get_by_text("What the runs say")).not_to_be_visible()
    has_no_traceback(page)


def test_without_a_camera_or_with_a_file_that_only_says_it_is_a_picture_there_is_a_sentence(open_page, server, runs):
    page = open_page(f"{server.url}/evaluation?run={runs[0].run_id}&view=own")
    page.get_by_role("radio", name="Camera").click()
    expect(page.get_by_test_id("stCameraInput")).to_be_visible()
    expect(page.get_by_text("No camera, or not allowed?")).to_be_visible()
    expect(page.get_by_text("Nothing of your picture is kept")).to_be_visible()
    page.get_by_role("radio", name="Upload").click()
    page.locator("input[type=file]").set_input_files(
        {"name": "drawing.png", "mimeType": "image/png", "buffer": b"<svg onload='alert(1)'/>"}
    )
    expect(page.get_by_text("The file is no PNG, JPEG or WebP picture")).to_be_visible()
    has_no_traceback(page)


def test_switching_runs_is_quick(open_page, server, runs):
    page = open_page(f"{server.url}/evaluation?run={runs[0].run_id}")
    seconds = []
    for place in range(8):
        run = runs[(place + 1) % 2]
        expect(page.get_by_role("combobox", name=re.compile("Run to look at"))).to_be_enabled()
        page.get_by_role("combobox", name=re.compile("Run to look at")).click()
        wanted = f"{name_of(run)} ("
        expect(page.get_by_role("option").filter(has_text=wanted)).to_be_visible()
        seconds.append(
            page.evaluate(
                """([wanted]) => new Promise(resolve => {
                    const option = [...document.querySelectorAll('[role=option]')]
                        .find(each => each.textContent.includes(wanted[0]))
                    const start = performance.now()
                    const look = () => [...document.querySelectorAll('[data-testid=stMetric]')]
                        .some(each => each.textContent.includes(wanted[1]))
                        ? resolve((performance.now() - start) / 1000) : requestAnimationFrame(look)
                    option.click()
                    look()
                })""",
                [[wanted, f"{run.result.mean_accuracy:.4f}"]],
            )
        )
    print(f"switching runs: median {np.median(seconds):.3f} s, all {np.round(seconds, 3)}")
    assert np.median(seconds) < 0.6  # 0.3 wanted; a test's machine may be busy

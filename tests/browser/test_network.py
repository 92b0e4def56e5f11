"""The network page as a visitor lives through it: presets, live curve, stop, compare, downloads, a dead worker."""

import json
import re
import subprocess
import sys
import zipfile

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import expect

from benchmarks.killed_workers import kill_many
from fmnist_core import NetworkSettings, RunStore, load_dataset
from fmnist_core.architecture import count_parameters
from fmnist_core.dataset import DATA_DIGEST
from fmnist_core.export import to_script
from fmnist_core.runs import identify
from fmnist_core.settings import PRESETS
from tests.asynchronous import finish
from tests.browser.test_lesson import TRAINING_SECONDS, button, has_no_traceback
from tests.examples import network_run

pytestmark = pytest.mark.browser

QUICK = NetworkSettings(epochs=20, batch_size=256, seed=21)
QUICK_QUERY = "epochs=20&batch_size=256&seed=21"


@pytest.fixture(scope="module")
def trained(open_page_of_module, server):
    """One short training, pressed and watched in the browser: the marks that were on its curve, and the run."""
    page = open_page_of_module(f"{server.url}/network?{QUICK_QUERY}")
    seen = watch_marks(page)
    button(page, "Train").click()
    expect(page.get_by_text("What it learned")).to_be_visible(timeout=TRAINING_SECONDS)
    return seen(), RunStore(server.runs).load(identify(QUICK, DATA_DIGEST))


def watch_marks(page):
    """Note, whenever a chart changes, how many epochs its validation curve shows."""
    page.evaluate(
        """() => {
            window.seen = new Set();
            const look = () => {
                const trace = document.querySelector('.js-plotly-plot .scatterlayer .trace:last-child');
                if (trace) window.seen.add(trace.querySelectorAll('.point').length);
            };
            new MutationObserver(look).observe(document.body, {childList: true, subtree: true});
        }"""
    )
    return lambda: sorted(page.evaluate("[...window.seen]"))


def metric(page, label):
    return page.get_by_test_id("stMetric").filter(has_text=label)


def download(page, name, folder):
    """Press a download button and keep the file, as a visitor would."""
    with page.expect_download() as waiting:
        page.get_by_role("button", name=name).click()
    path = folder / waiting.value.suggested_filename
    waiting.value.save_as(path)
    return path


def test_a_preset_moves_the_controls_draws_the_network_and_is_in_the_address(open_page, server):
    page = open_page(f"{server.url}/network")
    page.get_by_role("combobox", name="Start from").click()
    page.get_by_role("option", name="Strong CNN").click()
    strong = PRESETS["Strong CNN"]
    expect(page).to_have_url(re.compile("convolution_filters=32%2C64%2C128"))
    expect(page.get_by_text(f"{count_parameters(strong):,} parameters")).to_be_visible()
    expect(page.get_by_role("slider", name="Epochs")).to_have_value(str(strong.epochs))
    drawing = page.locator(".js-plotly-plot").filter(has_text="Each layer, and the parameters before it")
    expect(drawing).to_contain_text("28 × 28 × 32")
    page.get_by_role("slider", name="Epochs").press("ArrowRight")
    expect(page).to_have_url(re.compile(f"epochs={strong.epochs + 1}"))
    has_no_traceback(page)


def test_the_curve_grows_while_it_trains(trained):
    marks, run = trained
    assert len(run.result.history["loss"]) == QUICK.epochs
    assert marks[-1] == QUICK.epochs
    assert len(marks) > 1, "the curve was only there when all was over"


def test_a_second_tab_finds_the_training_stops_it_and_both_show_what_was_learned(open_page, server):
    address = f"{server.url}/network?epochs=50&hidden_units=300&batch_size=16&seed=22"
    first = open_page(address)
    button(first, "Train").click()
    expect(first.get_by_text(re.compile(r"Epoch ([2-9]|\d\d) of 50"))).to_be_visible(timeout=TRAINING_SECONDS)
    second = open_page(address)
    expect(second.get_by_text(re.compile(r"Epoch \d+ of 50"))).to_be_visible()
    first.get_by_role("link", name="Explorer").first.click()
    expect(first.get_by_role("heading", level=1)).to_contain_text("Look first")
    first.get_by_role("link", name="Neural network").first.click()
    expect(first.get_by_text(re.compile(r"Epoch \d+ of 50"))).to_be_visible()
    button(second, "Stop").click()
    for page in (second, first):
        expect(page.get_by_text("What was learned so far is kept")).to_be_visible(timeout=TRAINING_SECONDS)
        expect(metric(page, "Validation accuracy")).to_be_visible()
        expect(page.get_by_text("where this run was stopped before")).to_be_visible()
        expect(button(page, "Train")).to_be_enabled()
        has_no_traceback(page)


def test_runs_are_compared_in_one_picture_and_the_link_brings_it_back(open_page, server, trained):
    _, run = trained
    others = [network_run(load_dataset(), NetworkSettings(epochs=epochs, seed=23)) for epochs in (4, 6)]
    for other in others:
        RunStore(server.runs).publish(other)
    page = open_page(f"{server.url}/network?{QUICK_QUERY}&compare={others[0].run_id}")
    picture = page.locator(".js-plotly-plot").filter(has_text="Validation accuracy, epoch by epoch")
    expect(picture.locator(".trace")).to_have_count(2)
    page.get_by_role("combobox", name="Compare this network with").click()
    page.keyboard.type("6 epochs, seed 23")  # a long list is drawn only where it is looked at
    page.get_by_role("option", name=re.compile("6 epochs, seed 23")).click()
    expect(picture.locator(".trace")).to_have_count(3)
    expect(page).to_have_url(re.compile(f"compare={others[0].run_id}%2C{others[1].run_id}"))
    again = open_page(page.url)
    picture = again.locator(".js-plotly-plot").filter(has_text="Validation accuracy, epoch by epoch")
    expect(picture.locator(".trace")).to_have_count(3)
    expect(metric(again, "Validation accuracy").first).to_contain_text(f"{run.result.validation_accuracy:.4f}")
    has_no_traceback(again)


def test_what_is_taken_home_is_complete_and_the_runs_own(open_page, server, trained, tmp_path):
    _, run = trained
    page = open_page(f"{server.url}/network?{QUICK_QUERY}")
    script = download(page, "Script (.py)", tmp_path)
    assert script.read_text() == to_script(run.settings, run.record.headline)
    notebook = json.loads(download(page, "Notebook (.ipynb)", tmp_path).read_text())
    code = "\n".join("".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code")
    compile(code, "notebook", "exec")
    assert f"{run.result.validation_loss:.4f}" in code
    history = pd.read_csv(download(page, "Loss and accuracy by epoch (.csv)", tmp_path))
    assert list(history["epoch"]) == list(range(QUICK.epochs + 1))
    np.testing.assert_allclose(history["val_accuracy"][1:], run.result.history["val_accuracy"])
    model = download(page, "Trained model (.keras)", tmp_path)
    assert "config.json" in zipfile.ZipFile(model).namelist()
    assert answer_with_plain_keras(model, run) == pytest.approx(run.result.validation_accuracy, abs=1e-6)
    has_no_traceback(page)


def answer_with_plain_keras(model, run):
    """Validation accuracy of the file, asked in a process that knows nothing of this project."""
    images = load_dataset().train.images[run.result.validation_indices]
    labels = load_dataset().train.labels[run.result.validation_indices]
    np.savez(model.with_name("data.npz"), x=images.reshape(-1, 784).astype("float32") / 255, y=labels)
    code = (
        "import keras, numpy as np; d = np.load('data.npz'); "
        f"m = keras.saving.load_model({model.name!r}); "
        "print((m.predict(d['x'], batch_size=2000, verbose=0).argmax(1) == d['y']).mean())"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=model.parent, check=True, capture_output=True, text=True, timeout=120
    )
    return float(answer.stdout.split()[-1])


def test_a_lost_picture_opens_with_what_the_network_says_of_it(open_page, server, trained):
    page = open_page(f"{server.url}/network?{QUICK_QUERY}")
    lost = page.get_by_role("list", name="Lost").get_by_role("button").first
    title = lost.get_attribute("title")
    lost.click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(f"picture {int(title.rpartition('picture ')[2]):,} of train")
    expect(dialog.locator(".js-plotly-plot")).to_contain_text("Probability of each class")
    has_no_traceback(page)


def test_a_killed_worker_is_replaced_and_its_training_begins_again(server):
    """A short form of `benchmarks.killed_workers`."""
    outcomes = kill_one_worker(server, seed=7)
    if outcomes == ["too late"]:  # the training was over before the kill: that shows nothing
        outcomes = kill_one_worker(server, seed=8)
    assert outcomes == ["finished"]


def kill_one_worker(server, seed):
    return finish(kill_many(server, times=1, seed=seed))

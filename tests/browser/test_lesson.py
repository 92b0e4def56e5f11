"""The whole lesson, as a visitor lives through it: the real server, worker, data and browser."""

import contextlib
import re
import urllib.request

import psutil
import pytest
from playwright.sync_api import expect

from fmnist_core import NetworkSettings, RunStore
from fmnist_core.dataset import DATA_DIGEST
from fmnist_core.runs import identify
from tests.browser.conftest import running_server

pytestmark = pytest.mark.browser

PAGES = {
    "explorer": "Look first",
    "baseline": "Baseline",
    "network": "Neural network",
    "evaluation": "Evaluation",
}
TRAINING_SECONDS = 90_000  # milliseconds: the worker may still be loading TensorFlow


def heading(page):
    return page.get_by_role("heading", level=1)


def button(page, name):
    return page.get_by_role("button", name=name, exact=True)


def has_no_traceback(page):
    assert page.locator('[data-testid="stException"]').count() == 0
    assert "Traceback" not in page.inner_text("body")


@pytest.mark.parametrize("path", PAGES)
def test_a_fresh_server_whose_first_request_is_a_deep_link_shows_that_page_in_its_frame(open_page, tmp_path, path):
    with running_server(tmp_path) as server:
        page = open_page(f"{server.url}/{path}")
        expect(heading(page)).to_contain_text(PAGES[path])
        for name in ("Explorer", "Baseline", "Neural network", "Evaluation"):
            expect(page.get_by_role("link", name=name).first).to_be_visible()
        has_no_traceback(page)
        page.close()  # before its server goes, or it would complain


def test_a_network_is_trained_with_moved_sliders_watched_and_found_again(open_page, server):
    page = open_page(f"{server.url}/network?epochs=3&validation_share=0.5")
    expect(page.get_by_role("slider", name="Epochs")).to_have_value("3")
    page.get_by_role("slider", name="Epochs").focus()
    page.keyboard.press("ArrowLeft")
    expect(page).to_have_url(re.compile(r"epochs=2"))
    button(page, "Train").click()
    result = page.get_by_test_id("stMetric").filter(has_text="Validation accuracy")
    expect(result).to_be_visible(timeout=TRAINING_SECONDS)
    settings = NetworkSettings(epochs=2, validation_share=0.5)
    run = RunStore(server.runs).load(identify(settings, DATA_DIGEST))
    expect(result).to_contain_text(f"{run.result.validation_accuracy:.4f}")
    assert 0.8 < run.result.validation_accuracy < 0.88
    expect(page.locator(".js-plotly-plot").filter(has_text="Loss, epoch by epoch")).to_be_visible()
    has_no_traceback(page)

    again = open_page(page.url)
    expect(again.get_by_text("the result was kept")).to_be_visible()
    expect(again.get_by_test_id("stMetric").filter(has_text="Validation accuracy")).to_contain_text(
        f"{run.result.validation_accuracy:.4f}"
    )


def test_a_page_reloaded_in_mid_training_shows_the_training_going_on_and_stop_keeps_it(open_page, server):
    page = open_page(f"{server.url}/network?epochs=50&hidden_units=512,512&batch_size=16")
    button(page, "Train").click()
    expect(page.get_by_text(re.compile(r"Epoch ([2-9]|\d\d) of 50"))).to_be_visible(timeout=TRAINING_SECONDS)
    page.reload()
    expect(page.get_by_text(re.compile(r"Epoch \d+ of 50"))).to_be_visible()
    button(page, "Stop").click()
    expect(page.get_by_text("What was learned so far is kept")).to_be_visible(timeout=TRAINING_SECONDS)
    expect(button(page, "Train")).to_be_enabled()
    has_no_traceback(page)


def test_two_visitors_who_ask_for_the_same_run_share_one_training(open_page, server):
    address = f"{server.url}/network?epochs=30&seed=7&hidden_units=64"
    first, second = open_page(address), open_page(address)
    for page in (first, second):
        expect(button(page, "Train")).to_be_enabled()
    button(first, "Train").click()
    expect(first.get_by_text(re.compile(r"Epoch ([2-9]|\d\d) of 30"))).to_be_visible(timeout=TRAINING_SECONDS)
    third = open_page(address)
    expect(third.get_by_text(re.compile(r"Epoch \d+ of 30"))).to_be_visible()  # under way, before a click of its own
    button(second, "Train").click()  # drawn before there was a training
    expect(second.get_by_text(re.compile(r"Epoch \d+ of 30"))).to_be_visible()
    figures, published = set(), set()
    run_id = identify(NetworkSettings(epochs=30, seed=7, hidden_units=(64,)), DATA_DIGEST)
    for page in (first, second, third):
        metric = page.get_by_test_id("stMetric").filter(has_text="Validation accuracy")
        expect(metric).to_be_visible(timeout=TRAINING_SECONDS)
        figures.add(metric.inner_text())
        published.add((server.runs / f"{run_id}.zip").stat().st_mtime_ns)
    second.reload()
    expect(second.get_by_text("nothing running")).to_be_visible()
    published.add((server.runs / f"{run_id}.zip").stat().st_mtime_ns)
    assert len(figures) == 1
    assert len(published) == 1, "it was trained more than once"


def test_the_lessons_baseline_runs_fold_by_fold_to_its_figure(open_page, server):
    page = open_page(f"{server.url}/baseline")
    button(page, "Run the baseline").click()
    expect(page.get_by_text(re.compile("mean so far"))).to_be_visible(timeout=TRAINING_SECONDS)
    metric = page.get_by_test_id("stMetric").filter(has_text="Mean accuracy")
    expect(metric).to_contain_text("0.8194", timeout=TRAINING_SECONDS)
    has_no_traceback(page)


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("epochs=1e9", "epochs must be a whole number, 1 to 50"),
        ("epochs=nan", "epochs must be a whole number, 1 to 50"),
        ("epochs=3&epochs=4", "epochs must be a whole number, 1 to 50"),
        ("layers=400", "There is no setting"),
        ("optimizer=<script>alert(1)</script>", "optimizer must be one of"),
    ],
)
def test_a_bad_link_gets_a_sentence_and_starts_nothing(open_page, server, query, sentence):
    page = open_page(f"{server.url}/network?{query}")
    expect(page.get_by_text(sentence)).to_be_visible()
    expect(button(page, "Train").or_(page.get_by_text("the result was kept"))).to_be_visible()
    has_no_traceback(page)


def test_the_server_never_loads_tensorflow_and_only_the_dashboard_listens_outside(open_page, server):
    """After all pages were used and a network was trained (the tests above, or this one when run alone)."""
    page = open_page(f"{server.url}/network?epochs=1&batch_size=512")
    button(page, "Train").click()
    expect(page.get_by_test_id("stMetric").first).to_be_visible(timeout=TRAINING_SECONDS)
    for path, title in PAGES.items():
        page.get_by_role("link", name={"network": "Neural network"}.get(path, path.capitalize())).first.click()
        expect(heading(page)).to_contain_text(title)
    process = psutil.Process(server.process.pid)
    assert "tensorflow" not in _maps_of([process])
    # a worker that had grown large was replaced after the training, and is loading everything again
    for _ in range(600):
        if "tensorflow" in _maps_of(process.children(recursive=True)):
            break
        psutil.wait_procs([process], timeout=0.1)
    else:
        raise AssertionError("the test would not see TensorFlow if it were there")
    open_to_others = [
        connection.laddr
        for each in [process, *process.children(recursive=True)]
        for connection in each.net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN and connection.laddr.ip not in ("127.0.0.1", "::1")
    ]
    port = int(server.url.rsplit(":", 1)[1])
    assert {address.port for address in open_to_others} == {port}


def _maps_of(processes):
    """All files that the processes have in memory, in one string."""
    found = []
    for each in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            found += [mapping.path for mapping in each.memory_maps()]
    return "\n".join(found)


def test_a_server_that_is_stopped_leaves_no_process(tmp_path):
    with running_server(tmp_path) as server:
        process = psutil.Process(server.process.pid)
        family = _with_worker(process)
        process.terminate()
        _, alive = psutil.wait_procs(family, timeout=10)
        assert not alive


def _with_worker(process):
    """The server and its worker's process, once the worker has been started."""
    for _ in range(600):
        children = process.children(recursive=True)
        if children:
            return [process, *children]
        psutil.wait_procs([process], timeout=0.1)
    raise AssertionError("the worker was not started")


def test_damaged_data_shows_a_sentence_that_names_the_file_and_the_mend(open_page, tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    (data / "train-images-idx3-ubyte.gz").write_bytes(b"not a picture")
    with running_server(tmp_path, FMNIST_DATA=str(data)) as server:
        page = open_page(f"{server.url}/explorer")
        expect(page.get_by_text("FMNIST_DATA")).to_be_visible()
        has_no_traceback(page)
        page.close()


def test_runs_survive_a_restart_of_the_server(open_page, tmp_path):
    address = "network?epochs=1&batch_size=512&seed=5"
    with running_server(tmp_path) as server:
        page = open_page(f"{server.url}/{address}")
        button(page, "Train").click()
        expect(page.get_by_test_id("stMetric").first).to_be_visible(timeout=TRAINING_SECONDS)
        page.close()
    with running_server(tmp_path) as server:
        page = open_page(f"{server.url}/{address}")
        expect(page.get_by_text("the result was kept")).to_be_visible()
        page.close()


def test_the_health_check_answers(server):
    with urllib.request.urlopen(f"{server.url}/_stcore/health") as answer:
        assert answer.status == 200

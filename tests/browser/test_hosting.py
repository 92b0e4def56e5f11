"""A dashboard for strangers: links that carry everything, and a front door that lets nobody harm it."""

import http.client
import os
import random
import re

import numpy as np
import psutil
import pytest
from playwright.sync_api import expect

from benchmarks import hostile, load, naughty, soak
from benchmarks.visitor import Visitor
from fmnist_core import BaselineSettings, RunStore
from fmnist_core.dataset import load_dataset
from tests.asynchronous import finish
from tests.browser.conftest import HOSTED, running_server
from tests.examples import baseline_run

pytestmark = pytest.mark.browser
LIMITS = {**HOSTED, "FMNIST_SECONDS": "100", "FMNIST_RUNNING": "1"}


@pytest.fixture(scope="module")
def hosted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hosted")
    with running_server(folder, **LIMITS) as server:
        yield server


@pytest.fixture(scope="module")
def run(hosted):
    run = baseline_run(load_dataset(), BaselineSettings(folds=2, seed=77))
    RunStore(hosted.runs).publish(run)
    return run


def request(server, method, path, **headers):
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=20)
    connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    body = answer.read().decode(errors="replace")
    connection.close()
    return answer, body


def test_share_copies_the_full_address_which_opens_the_same_evaluation(open_page, hosted, run):
    page = open_page(f"{hosted.url}/evaluation?run={run.run_id}", permissions=["clipboard-read", "clipboard-write"])
    accuracy = page.get_by_test_id("stMetric").filter(has_text="Accuracy").first
    expect(accuracy).to_contain_text(f"{run.result.mean_accuracy:.4f}")
    page.get_by_role("button", name="Share").click()
    expect(page.get_by_text("Link copied")).to_be_visible()
    link = page.evaluate("navigator.clipboard.readText()")
    assert link == f"{hosted.url}/evaluation?run={run.run_id}"
    expect(page.get_by_text("Link copied")).to_be_hidden()  # by then the server has heard of it
    assert (hosted.runs / f"{run.run_id}.shared").exists()
    again = open_page(link)
    expect(again.get_by_test_id("stMetric").filter(has_text="Accuracy").first).to_contain_text(
        f"{run.result.mean_accuracy:.4f}"
    )


def test_without_a_clipboard_the_link_is_shown_to_be_copied_by_hand(open_page, hosted):
    page = open_page(f"{hosted.url}/network?epochs=7")
    page.evaluate("navigator.clipboard.writeText = () => Promise.reject(); document.execCommand = () => false")
    page.get_by_role("button", name="Share").click()
    expect(page.get_by_label("Link to this page")).to_have_value(f"{hosted.url}/network?epochs=7")


@pytest.mark.parametrize(
    ("run_id", "sentence"),
    [("0123456789abcdef", "has left to make room"), ("../../etc/passwd", "is not the address of a run")],
)
def test_a_run_that_is_not_there_gets_a_sentence_and_a_way_on(open_page, hosted, run, run_id, sentence):
    page = open_page(f"{hosted.url}/evaluation?run={run_id}")
    expect(page.get_by_text(sentence)).to_be_visible()
    expect(page.get_by_role("combobox", name=re.compile("Run to look at"))).to_be_visible()


def test_a_pasted_link_shows_title_and_description(hosted, run):
    _, body = request(hosted, "GET", f"/evaluation?run={run.run_id}")
    described = re.search(r'property="og:description" content="([^"]*)"', body).group(1)
    assert described.startswith("Baseline: folds 2, seed 77.")
    assert f"{run.result.mean_accuracy:.4f}" in described
    assert "<title>Evaluation · Fashion-MNIST, live</title>" in body
    for path in ("/", "/network", "/evaluation?run=%3Cscript%3E", "/evaluation?run=" + "a" * 5000):
        answer, body = request(hosted, "GET", path)
        assert answer.status == 200
        assert "og:title" in body
        assert "%3Cscript" not in body


def test_the_budget_is_said_at_the_slider_and_nothing_can_be_started(open_page, hosted):
    page = open_page(f"{hosted.url}/network?epochs=50&hidden_units=1024,1024")
    expect(page.get_by_text("this server gives 2 minutes to each run")).to_be_visible()
    expect(page.get_by_role("button", name="Train", exact=True)).to_be_disabled()


def test_only_who_asked_for_a_training_can_stop_it(open_page, hosted):
    address = f"{hosted.url}/network?epochs=40&hidden_units=32&seed=9"
    page, other = open_page(address), open_page(address)
    page.get_by_role("button", name="Train", exact=True).click()
    expect(page.get_by_role("button", name=re.compile("Stop|Leave the queue"))).to_be_visible()
    other.reload()
    expect(other.get_by_test_id("stProgress")).to_be_visible()
    expect(other.get_by_role("button", name=re.compile("Stop|Leave the queue"))).to_have_count(0)
    page.reload()  # the same browser is the same visitor
    page.get_by_role("button", name=re.compile("Stop|Leave the queue")).click()
    expect(page.get_by_role("button", name="Train", exact=True)).to_be_enabled(timeout=60_000)


def test_every_answer_has_security_headers_and_a_browser_is_known_again(hosted):
    for path in ("/", "/evaluation", "/_stcore/health", "/nonsense"):
        answer, _ = request(hosted, "GET", path)
        assert "frame-ancestors 'self'" in answer.headers["Content-Security-Policy"]
        assert "unsafe-eval" not in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    answer, _ = request(hosted, "GET", "/network")
    cookie = answer.headers["Set-Cookie"]
    assert re.match(r"fmnist_visitor=[0-9a-f]{32}; .*HttpOnly; SameSite=Lax", cookie)
    answer, _ = request(hosted, "GET", "/network", Cookie=cookie.split(";")[0])
    assert answer.headers["Set-Cookie"] is None


UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec_WebSocket_Version": "13",
    "Sec_WebSocket_Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


def test_foreign_hosts_and_origins_are_refused(hosted):
    port = hosted.url.rsplit(":", 1)[1]
    assert request(hosted, "GET", "/_stcore/health", Host="127.0.0.1")[0].status == 200  # as Docker asks
    assert request(hosted, "GET", "/", Host="evil.example")[0].status == 400
    stream = "/_stcore/stream"
    assert request(hosted, "GET", stream, Host="evil.example", Origin="http://evil.example", **UPGRADE)[0].status == 400
    for origin in ("http://evil.example", "null", f"http://localhost.evil.example:{port}", "http://[", "https://evil"):
        assert request(hosted, "GET", stream, Origin=origin, **UPGRADE)[0].status == 403, origin


def test_a_wrong_variable_also_one_of_streamlits_secrets_ends_the_server_with_its_sentence(tmp_path):
    """Streamlit's own cloud has secrets where others have variables."""
    (tmp_path / ".streamlit").mkdir()
    (tmp_path / ".streamlit" / "secrets.toml").write_text('FMNIST_QUEUE = "many"')
    with pytest.raises(RuntimeError, match="FMNIST_QUEUE must be a whole number, 1 or more; got 'many'"):  # noqa: SIM117
        with running_server(tmp_path):
            pass


def test_nothing_of_a_visitors_reaches_the_log_unescaped(hosted, open_page):
    page = open_page(f"{hosted.url}/network?epochs=%0AERROR%20forged%1B%5B31m")
    expect(page.get_by_text("epochs must be a whole number")).to_be_visible()
    request(hosted, "GET", "/evaluation?run=%0AERROR%20forged")
    log = hosted.log.read_text()
    assert not re.search(r"^ERROR forged", log, re.MULTILINE)
    assert "Traceback" not in log
    assert "\x1b[31m" not in log


def test_hostile_addresses_raise_nothing_and_start_nothing(hosted, run):
    """The short form of `python -m benchmarks.hostile`."""
    before = [record.run_id for record in RunStore(hosted.runs).records()]
    asked = [*hostile.addresses(60), *hostile.run_ids(60)]
    assert finish(hostile.open_all(hosted.url, asked)) == []
    assert "Traceback" not in hosted.log.read_text()
    assert [record.run_id for record in RunStore(hosted.runs).records()] == before
    assert not [path for path in hosted.runs.iterdir() if path.suffix not in {".zip", ".shared"}]


def test_naughty_strings_become_no_script_no_element_and_no_request(open_page, hosted, run):
    """The short form of `python -m benchmarks.naughty`: a few strings of each kind in each of a visitor's texts."""
    strings = [
        "<img src=x>![](https://evil.example)[a](//b.c) https://evil.example",
        "**bold** _x_ :material/home: :+1:",
    ]
    strings += random.Random(0).sample(hostile.VALUES, 13)
    assert finish(naughty.knock(hosted.url, strings[:6])) == []
    assert finish(naughty.open_all(hosted.url, strings[:2])) == []
    witness = naughty.Witness(open_page(hosted.url), hosted.url)
    witness.look_at_addresses(strings)
    witness.look_at_index(strings[:3])
    witness.look_at_files(strings[:2], run.run_id)
    assert witness.found == []
    assert witness.seen == 4 * len(strings) + 3 + 4
    assert "Traceback" not in hosted.log.read_text()


def test_sessions_that_come_and_go_leave_nothing_behind(hosted):
    """The short form of `python -m benchmarks.soak`."""
    process = psutil.Process(hosted.process.pid)
    finish(soak.come_and_go(hosted.url, 40))
    before = process.memory_info().rss
    finish(soak.come_and_go(hosted.url, 80))
    assert process.memory_info().rss < 1.2 * before
    assert soak.open_sockets(hosted.url, process) == 0


def test_a_class_that_presses_train_at_once_is_served(hosted):
    """The short form of `python -m benchmarks.load`."""
    outcomes, reruns = finish(load.one_round(hosted.url, 5, 500, seconds=200))
    assert outcomes == {"done": 5}
    print(f"reruns of others: median {np.median(reruns):.3f} s, worst {max(reruns):.3f} s")


async def train_until(url, query, words):
    async with Visitor(url, "network", query) as visitor:
        await visitor.rerun(press="Train")
        return await visitor.wait_for(*words, seconds=200)


def test_a_server_killed_in_mid_training_leaves_no_process_and_no_job_that_runs_for_ever(tmp_path, run):
    """`FMNIST_SERVER_KILLS` sets how often; `make soak` takes 100."""
    RunStore(tmp_path / "runs").publish(run)
    query = "epochs=50&hidden_units=512&batch_size=16"
    for _ in range(int(os.environ.get("FMNIST_SERVER_KILLS", "1"))):
        with running_server(tmp_path) as server:
            assert finish(train_until(server.url, query, ["Epoch 1 of 50"]))
            process = psutil.Process(server.process.pid)
            family = [process, *process.children(recursive=True)]
            assert len(family) == 2
            process.kill()
            _, alive = psutil.wait_procs(family, timeout=30)
            assert not alive
    with running_server(tmp_path) as server:

        async def look():
            async with Visitor(server.url, "network", query) as visitor:
                return visitor.texts

        assert any("Press **Train**" in text for text in finish(look()))
    assert [record.run_id for record in RunStore(tmp_path / "runs").records()] == [run.run_id]

"""How fast the baseline and evaluation pages are, and what ten visitors cost: ``python -m benchmarks.evaluation``.

The dashboard itself, with its worker and a Chromium in front of it. Measured are: from the click to the first fold on
screen, from the choice of another run to its figures on screen, and the server's memory before and after ten visitors
more look at the same run.
"""

import re
import statistics
import tempfile
from pathlib import Path

import psutil
from playwright.sync_api import Browser, Page, expect, sync_playwright

from benchmarks import table
from benchmarks.startup import wait_until_warm
from fmnist_core import BaselineSettings, RunStore, load_dataset, run_baseline
from fmnist_core.dataset import DATA_DIGEST
from fmnist_core.runs import Run, identify
from tests.browser.chromium import find_chromium
from tests.browser.conftest import CHROMIUM_ARGUMENTS, Server, running_server

SWITCHES = 40
VISITORS = 10
VIEWS = ("confusions", "mistakes", "trust", "duel")
WANTED_FIRST_FOLD = 4.0  # seconds
WANTED_SWITCH = 0.3  # seconds, half of all switches
WANTED_VISITOR = 2.4  # MB a visitor: less than one copy of a baseline's 60,000 x 10 scores
_PATIENCE = 120_000  # milliseconds

# From the choice to the first frame in which the page shows the other run's accuracy.
_SWITCH = """([name, figure]) => new Promise(resolve => {
    const option = [...document.querySelectorAll('[role=option]')].find(each => each.textContent.includes(name))
    const start = performance.now()
    const look = () => [...document.querySelectorAll('[data-testid=stMetric]')]
        .some(each => each.textContent.includes(figure))
        ? resolve((performance.now() - start) / 1000) : requestAnimationFrame(look)
    option.click()
    look()
})"""


# From the click to the first frame in which a chart shows a fold.
_FIRST_FOLD = """() => { window.seconds = new Promise(resolve =>
    addEventListener("click", () => {
        const start = performance.now()
        const look = () => [...document.querySelectorAll('.js-plotly-plot')]
            .some(each => each.textContent.includes('mean so far'))
            ? resolve((performance.now() - start) / 1000) : requestAnimationFrame(look)
        look()
    }, {once: true, capture: true}))
}"""


def first_fold(page: Page, url: str) -> float:
    """Seconds from the click, at the lesson's settings and with a warm worker, to the first fold on screen."""
    page.goto(f"{url}/baseline")
    wait_until_warm(page)
    page.evaluate(_FIRST_FOLD)
    page.get_by_role("button", name="Run the baseline", exact=True).click()
    seconds: float = page.evaluate("window.seconds")
    expect(page.get_by_text("Every fold used up the cap")).to_be_visible(timeout=_PATIENCE)
    return seconds


def switches(page: Page, url: str, runs: list[Run]) -> list[float]:
    """Seconds of each switch between two runs."""
    page.goto(f"{url}/evaluation?run={runs[0].run_id}")
    names = {runs[0].run_id: "Baseline: the lesson (", runs[1].run_id: "Baseline: max_iter 1, folds 2 ("}
    seconds = []
    for place in range(SWITCHES + 2):
        run = runs[(place + 1) % 2]
        page.get_by_role("combobox", name=re.compile("Run to look at")).click()
        expect(page.get_by_role("option").filter(has_text=names[run.run_id])).to_be_visible()
        seconds.append(page.evaluate(_SWITCH, [names[run.run_id], f"{run.result.mean_accuracy:.4f}"]))
    return seconds[2:]  # each run was read once by then


def memory_of_visitors(browser: Browser, server: Server, runs: list[Run]) -> tuple[float, float]:
    """The server's memory, MB, with one visitor who has seen all, and with ten more."""
    process = psutil.Process(server.process.pid)
    measured, pages = [], []
    for n in (1, VISITORS):
        for _ in range(n):
            page = browser.new_context().new_page()
            pages.append(page)
            for view in VIEWS:
                page.goto(f"{server.url}/evaluation?run={runs[0].run_id}&against={runs[1].run_id}&view={view}")
                expect(page.get_by_test_id("stMetric").first).to_be_visible(timeout=_PATIENCE)
                expect(page.get_by_test_id("stStatusWidget")).to_have_count(0, timeout=_PATIENCE)
        measured.append(process.memory_info().rss / 2**20)
    for page in pages:
        page.context.close()
    return measured[0], measured[1]


def main() -> None:
    """Measure, print, and fail when a page is slow or visitors are dear."""
    cheap = BaselineSettings(max_iter=1, folds=2)
    with (
        tempfile.TemporaryDirectory() as folder,
        sync_playwright() as playwright,
        running_server(Path(folder)) as server,
    ):
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=CHROMIUM_ARGUMENTS)
        page = browser.new_page()
        until_fold = first_fold(page, server.url)
        print(f"from the click to the first fold on screen: {until_fold:.1f} s", flush=True)
        store = RunStore(server.runs)
        store.publish(Run.of(cheap, DATA_DIGEST, run_baseline(load_dataset(), cheap), seconds=3.0))
        runs = [store.load(identify(each, DATA_DIGEST)) for each in (BaselineSettings(), cheap)]
        seconds = switches(page, server.url, runs)
        median, slow = statistics.median(seconds), statistics.quantiles(seconds, n=20)[-1]
        print(f"switching runs, {SWITCHES} times: p50 {median * 1000:.0f} ms, p95 {slow * 1000:.0f} ms", flush=True)
        table.row("The first fold after *Run the baseline*", f"{until_fold:.1f} s")
        table.row("Another run on the Evaluation page", table.in_milliseconds(seconds))
        page.close()
        before, after = memory_of_visitors(browser, server, runs)
        each = (after - before) / VISITORS
        print(f"the server with one visitor {before:.0f} MB, with ten more {after:.0f} MB: {each:.2f} MB each")
        browser.close()
    assert until_fold <= WANTED_FIRST_FOLD, f"wanted {WANTED_FIRST_FOLD} s"
    assert median <= WANTED_SWITCH, f"wanted {WANTED_SWITCH} s"
    assert each <= WANTED_VISITOR, f"wanted {WANTED_VISITOR} MB"


if __name__ == "__main__":
    main()

"""The explorer as a visitor feels it, in a real Chromium before a real server: ``python -m benchmarks.explorer``.

A time ends when the new pictures are decoded and a frame with them has been painted. Memory is the server's own; its
worker is a process of its own.
"""

import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
from playwright.sync_api import Browser, ElementHandle, Page, expect, sync_playwright

from benchmarks import table
from fmnist_core import FashionMNIST, RunStore, load_dataset
from fmnist_core.neighbours import NeighbourIndex
from tests.browser.chromium import find_chromium
from tests.browser.conftest import CHROMIUM_ARGUMENTS, running_server
from tests.examples import baseline_run

N_FIRST_PAINTS = 7
N_VISITORS = 3
VIEWS = ("?per_page=200", "?view=classes", "?view=map", "?view=doubtful", "?order=doubtful", "?order=typical&sample=18")
WANTED = {  # p50 in milliseconds, and MB
    "first paint": 2500.0,
    "filter change, 100 pictures": 250.0,
    "neighbours, warm": 60.0,
    "memory, all views": 150.0,
    "memory, two more visitors": 15.0,
}

# Resolves when the gallery holds other pictures than before and shows them; milliseconds since the click on `button`,
# or since the navigation started when there is none.
PAINTED = """async ([button, before]) => {
    const pictures = () => {
        const shadow = document.querySelector('.st-key-explorer-gallery [data-testid=stBidiComponentIsolated]')
        return [...(shadow?.shadowRoot?.querySelectorAll('li button') ?? [])]
    }
    const content = () => pictures().map(each => each.title).join()
    const frame = () => new Promise(requestAnimationFrame)
    const start = button ? performance.now() : 0
    button?.click()
    while (content() === before) await frame()
    const sheet = new Image()
    sheet.src = getComputedStyle(pictures()[0].querySelector('.picture')).maskImage.slice(5, -2)
    await sheet.decode()
    await frame()
    await new Promise(resolve => setTimeout(resolve, 0))  // after the frame has been handed over
    return [performance.now() - start, content()]
}"""


def first_paints(browser: Browser, url: str) -> list[float]:
    """Milliseconds from the navigation to the painted gallery, each for a new visitor with an empty cache."""
    times = []
    for _ in range(N_FIRST_PAINTS):
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        page = context.new_page()
        page.goto(url, wait_until="commit")
        times.append(page.evaluate(PAINTED, [None, ""])[0])
        context.close()
    return times


def filter_buttons(page: Page) -> Iterator[ElementHandle]:
    """One after the other: classes chosen and given up, splits, orders, pages; 33 changes."""
    for name in ("Trouser", "Bag", "Sandal", "Dress", "Coat"):
        pill = page.get_by_role("toolbar", name="Classes").get_by_role("button", name=name)
        yield from (pill.element_handle() for _ in range(2))
    for split in ("test", "train") * 3:
        yield page.get_by_role("radio", name=split, exact=True).element_handle()
    for order in ("most typical", "least typical", "random", "as stored") * 2:
        page.get_by_role("combobox", name="Order").click()
        yield page.get_by_role("option", name=order).element_handle()
    for name in ("Next",) * 6 + ("Previous",) * 3:
        button = page.get_by_role("button", name=name, exact=True)
        expect(button).to_be_enabled()
        yield button.element_handle()


def filter_changes(browser: Browser, url: str) -> list[float]:
    """Milliseconds from the click to the painted pictures."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.goto(url)
    content = page.evaluate(PAINTED, [None, ""])[1]
    times = []
    for button in filter_buttons(page):
        milliseconds, content = page.evaluate(PAINTED, [button, content])
        times.append(milliseconds)
        expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    context.close()
    return times


def see_all(browser: Browser, url: str) -> None:
    """A visitor who uses every view, every order and an opened picture, and stays."""
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    for query in VIEWS:
        page.goto(url + query)
        expect(page.get_by_text("Next: set a baseline").last).to_be_attached()
        expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")


def memory(pid: int) -> float:
    """MB that belong to the process alone."""
    return psutil.Process(pid).memory_full_info().uss / 1e6


def neighbour_times(dataset: FashionMNIST) -> list[float]:
    """Milliseconds of warm searches, of pictures chosen by lot."""
    index = NeighbourIndex(dataset.train.images)
    times = []
    for position in np.random.default_rng(0).choice(60_000, 210, replace=False):
        start = time.perf_counter()
        index.find(dataset.train.images[position], leave_out=int(position))
        times.append(1000 * (time.perf_counter() - start))
    return times[10:]


def say(name: str, figures: list[float]) -> float:
    """Print one line; the p50."""
    p50, p95 = statistics.median(figures), float(np.percentile(figures, 95))
    print(f"{name}: p50 {p50:.0f} ms, p95 {p95:.0f} ms, longest {max(figures):.0f} ms, of {len(figures)}", flush=True)
    return p50


def _in_table(milliseconds: list[float]) -> str:
    return table.in_milliseconds([each / 1000 for each in milliseconds])


def main() -> None:
    """Measure, print, and fail when a figure is not what a visitor was promised."""
    expect.set_options(timeout=60_000)  # a slow answer is measured, not an error
    dataset = load_dataset()
    found = {"neighbours, warm": say("neighbours, warm", neighbour_times(dataset))}
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        RunStore(Path(folder) / "runs").publish(baseline_run(dataset))
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=CHROMIUM_ARGUMENTS)
        with running_server(Path(folder)) as server:
            used = [memory(server.process.pid)]
            for _ in range(N_VISITORS):
                see_all(browser, f"{server.url}/explorer")
                used.append(memory(server.process.pid))
            paints = first_paints(browser, server.url)
            found["first paint"] = say("first paint", paints)
            table.row("The first page in a browser that has nothing of it", _in_table(paints))
            changes = filter_changes(browser, server.url)
            found["filter change, 100 pictures"] = say("filter change, 100 pictures", changes)
            table.row("A filter change with 100 pictures", _in_table(changes))
        browser.close()
    print("server's memory: " + ", ".join(f"{each:.0f} MB" for each in used) + " (before any visitor, then after each)")
    found["memory, all views"] = used[1] - used[0]
    found["memory, two more visitors"] = used[-1] - used[1]
    short = [f"{name}: {found[name]:.0f}, wanted {most:.0f}" for name, most in WANTED.items() if found[name] > most]
    assert not short, short


if __name__ == "__main__":
    main()

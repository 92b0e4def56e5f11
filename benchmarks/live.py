"""The network page while it trains: ``python -m benchmarks.live``.

The real server with its worker. How soon the first points are on screen after the click, in Chromium; how long a run
of the page takes while another visitor's network trains; and what 50 trainings in a row leave in the memory.
"""

import asyncio
import contextlib
import statistics
import tempfile
from pathlib import Path

import psutil
from playwright.sync_api import sync_playwright

from benchmarks import table
from benchmarks.visitor import Visitor
from tests.browser.chromium import find_chromium
from tests.browser.conftest import CHROMIUM_ARGUMENTS, Server, running_server

ROUNDS = 5
RERUNS = 200
TRAININGS = 50
MEGABYTE = 2**20
WANTED = {"first point": 2.0, "rerun, 95 %": 0.2, "server's growth": 20.0, "worker's memory": 1536.0}

# From the click on: when a chart has its first line, and when it has two, as training is drawn from epoch 1 on.
_WATCH = """() => { window.seconds = (async () => {
    await new Promise(resolve => addEventListener("click", resolve, {once: true, capture: true}));
    const start = performance.now(), seconds = [];
    for (const lines of [1, 2]) {
        while (![...document.querySelectorAll(".js-plotly-plot")]
            .some(chart => chart.querySelectorAll(".scatterlayer .trace .point").length >= lines))
            await new Promise(requestAnimationFrame);
        seconds.push((performance.now() - start) / 1000);
    }
    return seconds;
})(); }"""


async def wait_until_warm(server: Server) -> None:
    """Return when the worker has loaded everything."""
    async with Visitor(server.url, "network") as visitor:
        while await visitor.wait_for("ready to train", seconds=1) is None:
            await visitor.rerun()


def first_points(server: Server) -> dict[str, float]:
    """Seconds from the click to the first point, and to the first epoch's, of the lesson's network: medians."""
    points, epochs = [], []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=CHROMIUM_ARGUMENTS)
        for seed in range(1, ROUNDS + 1):
            page = browser.new_page()
            page.goto(f"{server.url}/network?seed={seed}")
            page.get_by_role("button", name="Train", exact=True).wait_for()
            page.evaluate(_WATCH)
            page.get_by_role("button", name="Train", exact=True).click()
            point, epoch = page.evaluate("window.seconds")
            points.append(point)
            epochs.append(epoch)
            page.get_by_text("Validation accuracy").first.wait_for(timeout=120_000)
            page.close()
        browser.close()
    found = {"first point": statistics.median(points), "first epoch": statistics.median(epochs)}
    print(f"first point after {found['first point']:.2f} s, first epoch after {found['first epoch']:.2f} s", flush=True)
    table.row("The first point of a curve after *Train*", f"{found['first point']:.1f} s")
    return found


async def reruns(server: Server) -> dict[str, float]:
    """Seconds that a run of the page takes at most in 95 of 100 cases, while a network trains."""
    async with (
        Visitor(server.url, "network", "epochs=50&hidden_units=512,512&batch_size=16") as busy,
        Visitor(server.url, "network") as other,
    ):
        await busy.rerun(press="Train")
        assert await busy.wait_for("Epoch 1 of 50", seconds=60), busy.texts
        other.rerun_seconds.clear()
        while len(other.rerun_seconds) < RERUNS:
            await other.rerun()
        whole, part = other.rerun_seconds, busy.refresh_seconds
        await busy.rerun(press="Stop")
        assert await busy.wait_for("What was learned so far is kept", seconds=60)
        assert not busy.exceptions + other.exceptions, busy.exceptions + other.exceptions
    found = {"rerun, 95 %": _late(whole), "live refresh, 95 %": _late(part)}
    print(
        f"{RERUNS} runs of the page while a network trains: median {1000 * statistics.median(whole):.0f} ms, "
        f"95 % within {1000 * found['rerun, 95 %']:.0f} ms; refreshes of the live curve: median "
        f"{1000 * statistics.median(part):.0f} ms, 95 % within {1000 * found['live refresh, 95 %']:.0f} ms",
        flush=True,
    )
    table.row("A rerun of a page while a network trains, measured at the server", table.in_milliseconds(whole))
    return found


def _late(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=20)[-1]


async def memory(server: Server) -> dict[str, float]:
    """Megabytes: how much the server grows over the trainings, and the most that a worker held."""
    process = psutil.Process(server.process.pid)
    sizes, workers = [], []
    for number in range(TRAININGS):
        async with Visitor(server.url, "network", f"seed={100 + number}&epochs=2") as visitor:
            await visitor.rerun(press="Train")
            assert await visitor.wait_for("Validation accuracy", seconds=300), visitor.texts
            assert not visitor.exceptions, visitor.exceptions
        sizes.append(process.memory_info().rss / MEGABYTE)
        for child in process.children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):  # a worker that had grown large was replaced just now
                workers.append(child.memory_info().rss / MEGABYTE)
    assert workers, "no worker was seen"
    print(
        f"{TRAININGS} trainings in a row, each looked at: the server from {sizes[0]:.0f} to {sizes[-1]:.0f} MB "
        f"(+{sizes[-1] - sizes[0]:.0f}), the worker from {workers[0]:.0f} to {workers[-1]:.0f} MB, at most "
        f"{max(workers):.0f}",
        flush=True,
    )
    table.row(f"Memory after {TRAININGS} training runs: the server", f"{sizes[-1]:.0f} MB")
    table.row(f"Memory in {TRAININGS} training runs, at most: the worker", f"{max(workers):.0f} MB")
    return {"server's growth": sizes[-1] - sizes[0], "worker's memory": max(workers)}


def main() -> None:
    """Measure, print, and fail when the page is slower or grows more than it may."""
    with tempfile.TemporaryDirectory() as folder, running_server(Path(folder)) as server:
        asyncio.run(wait_until_warm(server))
        found = first_points(server) | asyncio.run(reruns(server)) | asyncio.run(memory(server))
    short = [f"{name}: {found[name]:.2f}, at most {wanted}" for name, wanted in WANTED.items() if found[name] > wanted]
    assert not short, short


if __name__ == "__main__":
    main()

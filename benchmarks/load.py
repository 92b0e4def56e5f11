"""A class presses Train in the same second: ``python -m benchmarks.load [visitors] [rounds]``.

It starts a hosted server of its own. Two of the visitors are real browsers, who must get their result and see no error;
1 is returned when anything was lost, refused without a sentence, or too slow.
"""

from __future__ import annotations

import asyncio
import re
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
from playwright.async_api import Browser, Error, Page, async_playwright

from benchmarks.visitor import Visitor
from tests.browser.chromium import find_chromium
from tests.browser.conftest import CHROMIUM_ARGUMENTS, HOSTED, running_server

DONE = "Validation accuracy"
REFUSED = ("The queue is full", "You have")
N_WATCHERS = 5
N_BROWSERS = 2
IN_BROWSER = "done in a browser"
# Notes all that ever says of itself that something is wrong, however soon it goes again.
SEEN = """
    window.seen = new Set()
    new MutationObserver(() => {
        const wrong = "[data-testid=stException], [data-testid=stAlertContentError], [role=dialog]"
        const doubtful = "[data-testid=stAlertContentWarning]"
        for (const each of document.querySelectorAll(`${wrong}, ${doubtful}`)) seen.add(each.textContent)
    }).observe(document, { subtree: true, childList: true })
"""


async def one_round(
    url: str, n_visitors: int, first_seed: int, seconds: float, browser: Browser | None = None
) -> tuple[Counter[str], list[float]]:
    """Everybody opens a page, presses Train within a second, and waits; others turn pages meanwhile.

    With a browser, the first two of the visitors are pages of it.

    Returns
    -------
    Counter of outcomes (done, done in a browser, refused, lost, exception), and the seconds of the others' reruns.
    """
    queries = [f"epochs=1&batch_size=512&seed={(first_seed + n) % 10_000}" for n in range(n_visitors)]
    over = asyncio.Event()

    async def train(query: str, place: int) -> str:
        async with Visitor(url, "network", query) as visitor:
            ready.release()
            await start.wait()
            await asyncio.sleep(place / n_visitors)
            await visitor.rerun(press="Train")
            found = await visitor.wait_for(DONE, *REFUSED, seconds=seconds)
            if visitor.exceptions:
                print(visitor.exceptions[0])
                return "exception"
            return "lost" if found is None else "done" if found == DONE else "refused"

    async def train_in_browser(browser: Browser, query: str, place: int) -> str:
        context = await browser.new_context()
        page = await context.new_page()
        complaints = listen(page)
        await page.add_init_script(SEEN)
        try:
            button = page.get_by_role("button", name="Train", exact=True)
            await page.goto(f"{url}/network?{query}")
            await button.wait_for(timeout=120_000)
            ready.release()
            await start.wait()
            await asyncio.sleep(place / n_visitors)
            await button.click(timeout=120_000)
            await page.get_by_test_id("stMetric").filter(has_text=DONE).wait_for(timeout=1000 * seconds)
            complaints += await page.evaluate("[...seen]")
        except Error as error:
            ready.release()
            complaints.append(str(error))
        await context.close()
        for complaint in complaints:
            print(f"a browser: {complaint[:500]}")
        return "error in a browser" if complaints else IN_BROWSER

    async def watch(page: str) -> list[float]:
        async with Visitor(url, page) as visitor:
            await start.wait()
            visitor.rerun_seconds.clear()
            while not over.is_set():
                await visitor.rerun()
                await asyncio.sleep(0.5)
            return visitor.rerun_seconds

    start, ready = asyncio.Event(), asyncio.Semaphore(0)
    trainings = [
        asyncio.create_task(
            train(query, n) if browser is None or n >= N_BROWSERS else train_in_browser(browser, query, n)
        )
        for n, query in enumerate(queries)
    ]
    watchers = [asyncio.create_task(watch(("network", "baseline", "")[n % 3])) for n in range(N_WATCHERS)]
    for _ in range(n_visitors):
        await ready.acquire()
    start.set()
    outcomes = Counter(await asyncio.gather(*trainings))
    over.set()
    reruns = [one for each in await asyncio.gather(*watchers) for one in each]
    return outcomes, reruns


def listen(page: Page) -> list[str]:
    """A list that gets the page's errors and what it writes to the console as such."""
    complaints: list[str] = []
    # At a deep link Streamlit's client first asks for its server below the page's own path: a 404 is the answer.
    asked = re.compile(r"/\w+/_stcore/(health|host-config)$")
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console",
        lambda message: (
            complaints.append(f"{message.text} {message.location['url']}")
            if message.type == "error" and not asked.search(message.location["url"])
            else None
        ),
    )
    return complaints


async def run(url: str, n_visitors: int = 30, rounds: int = 20) -> int:
    """All rounds, a line each, and the sum."""
    total: Counter[str] = Counter()
    reruns: list[float] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find_chromium(), args=CHROMIUM_ARGUMENTS)
        for n in range(rounds):
            begun = time.perf_counter()
            outcomes, seconds = await one_round(url, n_visitors, 100 + n * n_visitors, 600, browser)
            total += outcomes
            reruns += seconds
            print(f"round {n + 1}: {dict(outcomes)} in {time.perf_counter() - begun:.0f} s", flush=True)
        await browser.close()
    p50, p95 = np.percentile(reruns, [50, 95])
    print(f"{rounds} rounds of {n_visitors}: {dict(total)}; reruns of others p50 {p50:.3f} s, p95 {p95:.3f} s")
    served = total["done"] + total[IN_BROWSER] + total["refused"] == rounds * n_visitors
    return int(not served or p95 > 0.5)


def main() -> int:
    """Start a server whose store is empty, so that every training is one, and run all rounds."""
    with tempfile.TemporaryDirectory() as folder, running_server(Path(folder), **HOSTED) as server:
        return asyncio.run(run(server.url, *map(int, sys.argv[1:])))


if __name__ == "__main__":
    sys.exit(main())

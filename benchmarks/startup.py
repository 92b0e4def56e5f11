"""From the command to something to work with: ``python -m benchmarks.startup``.

The lesson's way ends when its imports are done and the arrays are there. The dashboard's ends when the first page with
its pictures is drawn in Chromium; and when its worker, which loads TensorFlow meanwhile, is ready to train.
"""

import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

from benchmarks import table
from tests.browser.chromium import find_chromium
from tests.browser.conftest import CHROMIUM_ARGUMENTS, running_server

ROOT = Path(__file__).resolve().parent.parent
ROUNDS = 5
WANTED = {"answer": 5.0, "first page": 8.0, "warm worker": 25.0}  # seconds
_LESSON = "from benchmarks import lesson; from fmnist_core import load_dataset; load_dataset()"


def lessons_way() -> float:
    """Seconds until a fresh Python has imported what the lesson imports, and loaded the data."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", _LESSON], check=True, cwd=ROOT, capture_output=True)  # noqa: S603
    return time.perf_counter() - start


def dashboards_way(browser: Browser) -> tuple[float, float, float]:
    """Seconds until the server answers, its first page is drawn, its worker is ready."""
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, running_server(Path(folder)) as server:
        answer = time.perf_counter() - start
        page = browser.new_page()
        page.goto(server.url)
        page.get_by_role("list", name=re.compile("Pictures 1 to 100")).get_by_role("button").first.wait_for()
        drawn = time.perf_counter() - start
        wait_until_warm(page)
        warm = time.perf_counter() - start
        page.close()
    return answer, drawn, warm


def wait_until_warm(page: Page) -> None:
    """Load the page again until its last line says that the worker is ready."""
    footer = page.get_by_text("Zalando SE")
    expect(footer).to_be_visible()
    while "ready to train" not in footer.inner_text():
        page.wait_for_timeout(500)
        page.reload()
        expect(footer).to_be_visible()


def main() -> None:
    """Measure, print, and fail when a start takes longer than it may."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=CHROMIUM_ARGUMENTS)
        lessons_way(), dashboards_way(browser)  # so that all files are in the system's cache
        theirs = statistics.median(lessons_way() for _ in range(ROUNDS))
        rounds = [dashboards_way(browser) for _ in range(ROUNDS)]
        browser.close()
    medians = (statistics.median(column) for column in zip(*rounds, strict=True))
    found = dict(zip(WANTED, medians, strict=True))
    print(f"the lesson's imports and data: {theirs:.1f} s")
    print("; ".join(f"{name}: {seconds:.1f} s" for name, seconds in found.items()), flush=True)
    table.row(
        "Start: the lesson's imports and data; here until the first page is drawn",
        f"{found['first page']:.1f} s",
        f"{theirs:.1f} s",
    )
    table.row("Start, until the worker is ready to train", f"{found['warm worker']:.1f} s")
    short = [f"{name}: {found[name]:.1f} s, wanted {most}" for name, most in WANTED.items() if found[name] > most]
    assert not short, short


if __name__ == "__main__":
    main()

"""Take the pictures that the README shows, of the real pages with real runs: ``python tools/pictures.py``."""

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.browser.chromium import find_chromium  # noqa: E402
from tests.browser.conftest import CHROMIUM_ARGUMENTS, running_server  # noqa: E402

LONGEST = 180_000  # milliseconds
BELOW_THE_BAR = "each => { each.style.scrollMarginTop = '80px'; each.scrollIntoView() }"


def press(page: Page, name: str, then: str) -> None:
    """Press a button and wait until a metric of that name stands on the page."""
    page.get_by_role("button", name=name, exact=True).click()
    page.get_by_test_id("stMetric").filter(has_text=then).wait_for(timeout=LONGEST)
    page.mouse.move(0, 0)  # a chart shows its tools while the pointer is over it
    page.get_by_role("heading", level=1).evaluate("each => each.scrollIntoView({block: 'end'})")


def take(page: Page, name: str) -> None:
    """Save what the window shows, once it has come to rest."""
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(1500)
    page.screenshot(path=ROOT / "docs" / f"{name}.png")


def main() -> None:
    """Live through the lesson and take a picture of each page."""
    with (
        tempfile.TemporaryDirectory() as folder,
        running_server(Path(folder)) as server,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=CHROMIUM_ARGUMENTS)
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(server.url)
        page.get_by_text("Ankle boot").first.wait_for()
        take(page, "explorer")
        page.goto(f"{server.url}/baseline")
        press(page, "Run the baseline", "Mean accuracy")
        take(page, "baseline")
        page.goto(f"{server.url}/network?hidden_units=100&epochs=10")
        press(page, "Train", "Validation accuracy")
        take(page, "network")
        page.goto(f"{server.url}/evaluation")
        page.get_by_role("radio", name="What is mistaken for what").evaluate(BELOW_THE_BAR)
        take(page, "evaluation")
        page.emulate_media(color_scheme="dark")
        page.goto(f"{server.url}/evaluation?view=duel")
        page.get_by_role("radio", name="Duel").evaluate(BELOW_THE_BAR)
        take(page, "duel")
        browser.close()


if __name__ == "__main__":
    main()

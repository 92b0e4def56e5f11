"""What axe-core finds on each page, in the light and in the dark theme, wide and narrow."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from fmnist_core import NetworkSettings, RunStore
from tests.examples import network_run

pytestmark = pytest.mark.browser

PAGES = (
    "explorer",
    "explorer?view=classes",
    "explorer?view=map",
    "baseline",
    "network?epochs=2&seed=4711",
    "evaluation",
)
SCREENS = {
    "dark, wide": {"color_scheme": "dark"},
    "light, narrow": {"color_scheme": "light", "viewport": {"width": 390, "height": 844}},
}


@pytest.mark.parametrize("screen", SCREENS.values(), ids=SCREENS)
def test_axe_finds_nothing_serious(open_page, server, dataset, screen):
    settings = NetworkSettings(epochs=2, seed=4711)
    RunStore(server.runs).publish(network_run(dataset, settings))  # so that no page is empty
    page = open_page(f"{server.url}/{PAGES[0]}", **screen)
    serious = []
    for path in PAGES:
        page.goto(f"{server.url}/{path}")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        expect(page.get_by_text("Zalando SE")).to_be_visible()  # the last line: the page is drawn to its end
        # what is about to be drawn anew is faded meanwhile
        expect(page.locator('[data-test-script-state="notRunning"]')).to_be_visible()
        expect(page.locator('[data-stale="true"]')).to_have_count(0)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), f"{path} scrolls sideways"
        found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
        serious += [
            f"{path}: {violation['id']}: {node['html'][:200]} {node['failureSummary']}"
            for violation in found
            if violation["impact"] in ("serious", "critical")
            for node in violation["nodes"]
        ]
    assert serious == []

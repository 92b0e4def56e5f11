"""What axe-core finds on each page, in the light and in the dark theme, wide and narrow."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from fmnist_core import BaselineSettings, NetworkSettings, RunStore
from tests.examples import baseline_run, network_run

pytestmark = pytest.mark.browser

# Addresses, and what is to be seen there and not at the one before.
VIEWS = {
    "explorer": "The first ten training pictures, with their labels",
    "explorer?sample=7": "One picture, up close",
    "explorer?view=classes": "What tells two classes apart",
    "explorer?view=map": "Each point is a training picture",
    "explorer?view=doubtful": "People gave these labels",
    "baseline": "Baseline: how far does a simple rule get?",
    "network?epochs=2&seed=4711": "Validation accuracy",
    "evaluation?run={run}&against={other}": "The five commonest confusions",
    "evaluation?run={run}&against={other}&picture={picture}": "One picture, and what the runs say of it",
    "evaluation?run={run}&against={other}&view=mistakes": "Surest mistakes",
    "evaluation?run={run}&against={other}&view=trust": "Expected calibration error",
    "evaluation?run={run}&against={other}&view=duel": "A minus B",
    "evaluation?run={run}&against={other}&view=own": "Show a model something of your own",
}
SCREENS = {
    "dark, wide": {"color_scheme": "dark"},
    "light, narrow": {"color_scheme": "light", "viewport": {"width": 390, "height": 844}},
}
# As the browser's back and forward buttons do: the page is drawn anew, the program that draws it is not loaded again.
GO = "address => { history.pushState({}, '', address); dispatchEvent(new PopStateEvent('popstate')) }"


@pytest.mark.parametrize("screen", SCREENS.values(), ids=SCREENS)
def test_axe_finds_nothing_serious(open_page, server, dataset, screen):
    run = network_run(dataset, NetworkSettings(epochs=2, seed=4711))
    other = baseline_run(dataset, BaselineSettings(folds=2, seed=4711))
    for each in (run, other):
        RunStore(server.runs).publish(each)  # so that no page is empty
    names = {"run": run.run_id, "other": other.run_id, "picture": run.result.validation_indices[0]}
    page = open_page(server.url, **screen)
    expect(page.get_by_text("Zalando SE")).to_be_visible()
    serious = []
    for address, seen in VIEWS.items():
        path = address.format(**names)
        page.evaluate(GO, f"/{path}")
        expect(page.get_by_text(seen).first).to_be_visible()
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

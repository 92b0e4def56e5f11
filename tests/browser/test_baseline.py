"""The baseline page in a real browser: fold by fold, the curve over max_iter, the pixels that spoke."""

import re

import pytest
from playwright.sync_api import expect

from fmnist_core import BaselineSettings, RunStore
from fmnist_core.dataset import DATA_DIGEST
from fmnist_core.runs import identify
from tests.browser.test_lesson import TRAINING_SECONDS, button, has_no_traceback

pytestmark = pytest.mark.browser


def test_folds_appear_while_the_others_are_still_computed(open_page, server):
    page = open_page(f"{server.url}/baseline?max_iter=1&folds=4&seed=911")
    button(page, "Run the baseline").click()
    expect(page.get_by_text(re.compile("mean so far"))).to_be_visible(timeout=TRAINING_SECONDS)
    expect(page.get_by_text("Every fold used up the cap of 1 pass while")).to_be_visible(timeout=TRAINING_SECONDS)
    has_no_traceback(page)


def test_the_curve_grows_run_by_run_and_can_be_stopped(open_page, server):
    page = open_page(f"{server.url}/baseline?folds=2&seed=912")
    button(page, "Draw the curve").click()
    expect(page.get_by_text(re.compile("[2-5] of 6 finished"))).to_be_visible(timeout=TRAINING_SECONDS)
    expect(page.get_by_text("by passes over the data").first).to_be_visible()
    button(page, "Stop these").click()
    expect(button(page, "Draw the curve")).to_be_visible(timeout=TRAINING_SECONDS)
    settings = BaselineSettings(max_iter=1, folds=2, seed=912)
    assert identify(settings, DATA_DIGEST) in RunStore(server.runs), "what was finished is kept"
    has_no_traceback(page)


def test_a_sample_of_ones_choice_shows_which_pixels_spoke(open_page, server):
    page = open_page(f"{server.url}/baseline?folds=2&seed=913&max_iter=1")
    button(page, "Run the baseline").click()
    sample = page.get_by_role("spinbutton", name="Training picture, 0 to 59,999")
    expect(sample).to_be_visible(timeout=TRAINING_SECONDS)
    sample.fill("18")
    sample.press("Enter")
    expect(page.get_by_text("Picture 18 is labelled Shirt")).to_be_visible()
    expect(page.get_by_text("What each pixel adds to the score").first).to_be_visible()
    has_no_traceback(page)

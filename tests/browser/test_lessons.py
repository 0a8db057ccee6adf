"""The lessons and notes, by keyboard, on wide and narrow screens."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import violations
from tests.browser.conftest import Open
from tests.browser.steps import live, run_to_the_end, scrub, soon, start_example

STATUS = "#lesson-status"


def test_a_lesson_is_worked_by_keyboard_recorded_and_live(page: Page) -> None:
    page.goto("/learn/")
    page.get_by_role("link", name="Too many tokens at once").press("Enter")
    page.get_by_role("link", name="8 in a pass").press("Enter")
    page.wait_for_url(re.compile("variant=eight"))
    expect(page.locator(STATUS)).to_have_text("Step 0 of 3: 0 filled, 24 masked.")
    page.locator("#lesson-step").press("End")
    expect(page.locator(STATUS)).to_contain_text("wrong")
    told = page.locator("#lesson-cells").inner_text()
    page.locator("#lesson-cells button").first.press("ArrowRight")
    expect(page.locator("#lesson-cells button").nth(1)).to_be_focused()
    expect(page.locator("#lesson-detail")).to_contain_text("Place 2:")
    page.locator("#lesson-live").press("Enter")
    expect(page.locator("#lesson-source")).to_have_text("A run by this site, now.")
    expect(page.locator(STATUS)).to_contain_text("Finished after 3 steps.", timeout=60_000)
    soon(page, lambda: page.locator("#lesson-cells").inner_text(), told)
    page.locator("#question [type=radio]").first.press("Space")
    page.locator("#question button").press("Enter")
    expect(page.locator("#verdict")).to_be_focused()
    expect(page.locator("#verdict")).to_contain_text("Right.")


def test_without_a_worker_it_plays_the_recorded_run(page: Page) -> None:
    page.route("**/api/diffusion/**", lambda route: route.abort())
    page.goto("/learn/mask-and-guess/")
    page.locator("#lesson-live").click()
    expect(page.locator("#lesson-source")).to_contain_text("This is the recorded run.")
    page.locator("#lesson-next").click()
    page.locator("#lesson-cells button.masked").first.click()
    expect(page.locator("#lesson-detail .guesses li")).to_have_count(5)


@pytest.mark.parametrize("width", [320, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_lessons_fit_small_screens(open_page: Open, width: int, scheme: str) -> None:
    page = open_page(width=width, height=800, color_scheme=scheme)
    for address in ("/learn/", "/learn/order-matters/?variant=left&answer=0", "/learn/gaps/"):
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert violations(page) == []


def test_a_note_is_kept_beside_its_step_and_becomes_a_lesson(page: Page, open_page: Open) -> None:
    start_example(page)
    run_to_the_end(page)
    page.locator("#notes summary").click()
    for step, text in ((0, "Nothing yet."), (3, "<b>Three.</b>")):
        scrub(page, step)
        expect(page.locator("#note-step")).to_have_text(str(step))
        page.locator("#note-text").fill(text)
        page.get_by_role("button", name="Save the note").press("Enter")
        expect(page.locator("#step-note")).to_have_text(text)
    assert violations(page) == []
    expect(page).to_have_url(re.compile(r"step=3\b"))  # written when one has stopped moving
    page.reload()
    live(page)
    expect(page.locator("#step-note")).to_have_text("<b>Three.</b>")
    scrub(page, 1)
    expect(page.locator("#step-note")).to_be_hidden()
    page.get_by_role("link", name="Open as a lesson").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Step 0")
    page.get_by_role("link", name="Next →").press("Enter")
    expect(page.locator("#note")).to_have_text("<b>Three.</b>")
    assert violations(page) == []

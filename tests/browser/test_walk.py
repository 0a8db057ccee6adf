"""The first minutes by keyboard alone: first page, run, steering, comparison, link."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

from tests.browser.axe import violations
from tests.browser.steps import CELLS, MASKED, action, live

TABS = 60


def tab_to(page: Page, wanted: Locator, back: bool = False) -> None:
    """Tab until the focus is there; a mouse is never used."""
    for _ in range(TABS):
        if wanted.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Shift+Tab" if back else "Tab")
    raise AssertionError(f"{TABS} tabs do not lead to {wanted}")


def test_run_steer_compare_and_share_by_keyboard_alone(page: Page) -> None:
    page.goto("/")
    expect(page.locator("#id_prompt")).to_be_focused()
    page.keyboard.type("once upon a time")
    tab_to(page, page.locator("#id_gen_length"))
    page.keyboard.type("12")
    tab_to(page, page.locator("#id_prompt"), back=True)
    page.keyboard.press("Control+Enter")
    page.wait_for_url("**/sessions/*-*/**")
    live(page)
    page.keyboard.press("r")
    expect(page.locator("#run-state")).to_have_text("Done", timeout=60_000)
    expect(page.locator(MASKED)).to_have_count(0)
    # Steer: back to the start, another candidate of the first token, a branch of its own.
    page.keyboard.press("{")
    expect(page.locator("#step-text")).to_contain_text("step 0 /")
    tab_to(page, page.locator(f"{CELLS}[tabindex='0']"))
    page.keyboard.press("ArrowRight")
    expect(page.locator("#inspector .candidate").nth(1)).to_be_attached()
    page.keyboard.press("2")
    expect(page.locator("#staged li")).to_have_count(1)
    page.keyboard.press("Control+Enter")
    expect(page.locator("#step-text")).to_have_text("step 1 / 1")
    expect(page.locator("#branches a[data-branch]")).to_have_count(2)
    page.keyboard.press("r")
    expect(page.locator(MASKED)).to_have_count(0, timeout=60_000)
    # Compare with the branch that it came from.
    page.locator(f"{CELLS}[tabindex='0']").focus()
    page.keyboard.press("c")
    page.wait_for_url("**/compare/**")
    expect(page.locator("#comparison .side")).to_have_count(2)
    # Share: back, and a link.
    page.go_back()
    live(page)
    tab_to(page, page.get_by_role("link", name="Share"))
    page.keyboard.press("Enter")
    page.wait_for_url("**/share/")
    tab_to(page, page.get_by_role("button", name="Make a link"))
    page.keyboard.press("Enter")
    expect(page.locator("#address")).to_have_value(re.compile("/r/"))


def test_the_overview_shows_every_position_of_a_long_canvas_on_one_screen(page: Page) -> None:
    page.goto("/?model=slow")
    page.locator("#id_prompt").fill("once")
    page.locator("#id_gen_length").fill("600")
    page.locator("#start").click()
    page.wait_for_url("**/sessions/*-*/**")
    live(page)
    page.locator("#view").select_option("overview")
    expect(page.locator("#tokens")).to_have_attribute("data-view", "overview")
    scroll = page.locator(".token-scroll")
    assert scroll.evaluate("box => box.scrollHeight <= box.clientHeight + 1")
    page.locator(CELLS).nth(300).hover()
    pos = page.locator(CELLS).nth(300).get_attribute("data-pos")
    expect(page.locator(CELLS).nth(300)).to_have_attribute("title", f"Position {pos}: masked")
    assert violations(page, f"{CELLS}:nth-child(n + 50)") == []
    page.reload()
    expect(page.locator("#tokens")).to_have_attribute("data-view", "overview")
    expect(action(page, "run")).to_be_visible()

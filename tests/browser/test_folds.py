"""The tail behind the end of a text takes one cell, which can be opened."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.browser.steps import CELLS, MASKED, action, each, live

FOLD = f"{CELLS}.fold"
HIDDEN = f"{CELLS}.folded"


def test_a_tail_of_end_of_text_is_one_cell(page: Page) -> None:
    page.goto("/?model=stories")
    page.locator("[data-example]").first.click()
    page.locator("#start").click()
    page.wait_for_url("**/sessions/*-*/**")
    live(page)
    action(page, "run").click()
    expect(page.locator("#run-state")).to_have_text("Done", timeout=60_000)
    expect(page.locator(MASKED)).to_have_count(0)
    expect(page.locator(FOLD)).to_have_text(re.compile(r"^\S+ ×\d+$"))
    count = int(page.locator(FOLD).inner_text().split("×")[1])
    expect(page.locator(HIDDEN)).to_have_count(count - 1)
    expect(page.locator(HIDDEN).first).to_be_hidden()
    page.locator(FOLD).click()
    first = int(page.locator(FOLD).get_attribute("data-pos") or -1)
    expect(page.locator("#inspector h2")).to_have_text(f"Position {first}")
    expect(page.locator(FOLD)).to_have_attribute(
        "title", re.compile(f"Positions {first} to {first + count - 1}: ")
    )
    page.keyboard.press("ArrowRight")  # what is folded counts as one cell
    assert page.locator(FOLD).count() == 1
    page.locator(FOLD).click()
    expect(page.locator(HIDDEN)).to_have_count(0)
    chosen = each(page, f"{CELLS}[aria-selected=true]", "e.dataset.pos")
    assert chosen == [str(first + 1)]
    expect(page).to_have_url(re.compile(rf"pos={first + 1}\b"))
    page.reload()
    live(page)
    expect(page.locator(HIDDEN)).to_have_count(0)  # the address names a position within

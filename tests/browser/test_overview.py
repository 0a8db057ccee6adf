"""The overview: every place of a long canvas on one screen, and each of them can be chosen."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.house import LONGEST
from tests.browser.steps import CELLS, each, live, soon, start_example

SIDE = "e.getBoundingClientRect().height"
BOXES = """() => ["#main", "#tokens"].map((name) => {
  const box = document.querySelector(name);
  return box.scrollHeight - box.clientHeight;
})"""
PROMPT = "once"
SCREENS = {(1440, 900): 10, (390, 844): 9, (320, 700): 6}
"""Width and height of a screen → the px that a cell has there at least."""


def test_a_thousand_places_stand_on_one_screen(page: Page) -> None:
    page.goto("/?model=slow")
    page.locator("#id_prompt").fill(PROMPT)
    page.locator("#id_gen_length").fill(str(LONGEST))
    page.locator("#start").click()
    page.wait_for_url("**/sessions/*-*/**")
    page.goto(page.url.split("?")[0] + "?view=overview")
    live(page)
    assert page.locator(CELLS).count() == LONGEST
    for (width, height), least in SCREENS.items():
        page.set_viewport_size({"width": width, "height": height})
        soon(page, lambda: page.evaluate(BOXES), [0, 0])
        assert min(map(float, each(page, CELLS, SIDE))) >= least, width
    last = page.locator(CELLS).last
    last.click()
    expect(last).to_have_attribute("aria-selected", "true")
    expect(page.locator("#inspector h2")).to_have_text(f"Position {len(PROMPT) + LONGEST - 1}")


def test_few_places_are_large_enough_for_a_finger(page: Page) -> None:
    start_example(page)
    page.locator("#view").select_option("overview")
    expect(page.locator("#tokens")).to_have_attribute("data-view", "overview")
    assert {float(side) for side in each(page, CELLS, SIDE)} == {24.0}

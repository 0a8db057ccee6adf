"""The heat map when places come and go: a column stays with its slots, not with its positions."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.steps import CELLS, soon, start_example
from tests.servers import Site

PLACES = 24
COLUMN = """([selector, x]) => {
  const picture = document.querySelector(selector);
  const { data } = picture.getContext("2d").getImageData(x, 0, 1, picture.height);
  return Array.from({ length: picture.height }, (_, y) => data.slice(4 * y, 4 * y + 4).join());
}"""
NOTHING = "0,0,0,0"
LEVELS = """async () => {
  const { TABLE } = await import("/static/js/colours.js");
  return Array.from({ length: 24 }, (_, n) => [...TABLE[9 * n], 255].join());
}"""
"""The colours of the levels that `PASS` gives to the places, from the first one on."""
BEGIN = """
import base64
from django.db import transaction
from visualizer.models import Session
from visualizer.selectors.history import head_of, state_at
from visualizer.services.forwards import keep_forward
from visualizer.services.steps import NewStep, apply_at_head
session = Session.objects.get(pk={id!r})
"""
PASS = """
canvas, ref = state_at(session), head_of(session)
levels = [9 * ((n - canvas.prompt_length) % 24) for n in range(len(canvas))]
heat = base64.b64encode(bytes(levels)).decode()
summary = {{"open": 1, "heat": heat, "entropy": 1.0, "ms": 0, "cached": False}}
with transaction.atomic():
    keep_forward(session=session, ref=ref, data=b"", summary=summary, settings={{}})
"""
STEP = """
with transaction.atomic():
    apply_at_head(session=session, new=NewStep([{operation!r}]))
"""
Change = Callable[..., None]


def column(page: Page, x: int, selector: str = "#heat") -> list[str]:
    """The colours of a step's column, from the first generated place on."""
    found: list[str] = page.evaluate(COLUMN, [selector, x])
    return found


@pytest.fixture
def change(page: Page, house: Site) -> Change:
    """change(op=…, slot=…) has a pass of many levels over the head's state, then writes a step as a
    recipe that inserts and deletes would."""
    start_example(page)
    found = re.search(r"/sessions/([0-9a-f-]+)/", page.url)
    assert found

    def write(**operation: object) -> None:
        code = BEGIN + PASS + STEP + "print(head_of(session).number)"
        number = house.run(code.format(id=found.group(1), operation=operation))
        expect(page.locator("#step-text")).to_have_text(f"step {number} / {number}")

    return write


def slot(page: Page, place: int) -> int:
    return int(page.locator(CELLS).nth(place).get_attribute("data-slot") or -1)


def test_columns_stay_with_their_slots(page: Page, change: Change) -> None:
    shown = page.evaluate(LEVELS)
    first, second = slot(page, 4), slot(page, 9)
    change(op="insert", slot=first, new=[500])
    wider = [*shown[:5], NOTHING, *shown[5:]]
    soon(page, lambda: column(page, 0), wider)
    change(op="delete", slot=second)
    left = [[*row[:10], *row[11:]] for row in (wider, [*shown, shown[0]])]
    soon(page, lambda: [column(page, x) for x in (0, 1)], left)
    line = page.locator("#branches a[data-branch]").get_attribute("data-branch")
    page.goto(page.url.split("?")[0] + f"compare/?a={line}&b={line}")
    side = "[data-side=a] canvas"
    soon(page, lambda: [column(page, x, side)[-PLACES:] for x in (0, 1)], left)


def test_a_click_chooses_what_stood_there(page: Page, change: Change) -> None:
    chosen = page.locator(CELLS).nth(20)
    wanted = chosen.get_attribute("data-slot")
    change(op="insert", slot=slot(page, 4), new=[500])
    box = page.locator("#heat-lines").bounding_box()
    assert box
    at = {"x": box["width"] / 4, "y": box["height"] * 21.5 / (PLACES + 1)}
    page.locator("#heat-lines").click(position=at)  # type: ignore[arg-type]
    expect(page.locator("#step-text")).to_have_text("step 0 / 1")
    expect(page.locator(f"{CELLS}[aria-selected=true]")).to_have_attribute(
        "data-slot", wanted or ""
    )

"""What a visitor does on the pages, in words."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import TypeVar

from playwright.sync_api import Locator, Page, expect

MASKED = "#tokens .cell.masked"
CELLS = "#tokens .cell"
MANY = 400
Seen = TypeVar("Seen")
COUNT_STATES = """() => {
  window.seenStates = new Set();
  const masked = () => document.querySelectorAll("#tokens .cell.masked").length;
  const look = () => window.seenStates.add(masked());
  new MutationObserver(look).observe(document.querySelector("#tokens"),
    { subtree: true, attributes: true, childList: true });
}"""


def start_example(page: Page, number: int = 0) -> None:
    """From the first page into the workspace by one of the example prompts."""
    page.goto("/")
    page.locator("[data-example]").nth(number).click()
    _start(page)


def start_slow(page: Page) -> None:
    """Into a workspace of many places and a slow model: a run lasts long enough to be caught."""
    page.goto("/?model=slow")
    page.locator("#id_prompt").fill("once upon a time")
    page.locator("#id_gen_length").fill(str(MANY))
    page.locator("#id_block_length").fill(str(MANY))
    _start(page)


def _start(page: Page) -> None:
    page.locator("#start").click()
    page.wait_for_url("**/sessions/*-*/**")
    live(page)


def live(page: Page) -> None:
    expect(page.locator("#connection")).to_have_attribute("data-connection", "live")


def action(page: Page, name: str) -> Locator:
    return page.locator(f"[data-action={name}]")


def forward(page: Page) -> None:
    action(page, "forward_pass").click()
    expect(action(page, "auto_select")).not_to_have_attribute("aria-disabled", "true")


def choose(page: Page, index: int) -> None:
    """Choose the n-th cell and wait for its panel."""
    cell = page.locator(CELLS).nth(index)
    pos = cell.get_attribute("data-pos")
    cell.click()
    expect(page.locator("#inspector h2")).to_have_text(f"Position {pos}")


def stage_candidate(page: Page, rank: int) -> str:
    """Stage a candidate of the chosen position by hand. Returns its text."""
    row = page.locator("#inspector .candidate").nth(rank)
    row.locator("input").check()
    text = row.locator(".token").inner_text()
    page.get_by_role("button", name="Stage token").click()
    return text


def apply_staged(page: Page, step: int) -> None:
    action(page, "apply_selection").click()
    expect(page.locator("#step-text")).to_have_text(f"step {step} / {step}")


def run_to_the_end(page: Page) -> None:
    action(page, "run").click()
    expect(page.locator("#run-state")).to_have_text("Done", timeout=60_000)
    expect(page.locator(MASKED)).to_have_count(0)


def soon(page: Page, read: Callable[[], Seen], wanted: Seen, seconds: float = 20) -> None:
    """What `read` gives becomes `wanted`, though the page may still be swapping a part."""
    until = monotonic() + seconds
    while read() != wanted and monotonic() < until:
        page.wait_for_timeout(50)
    assert read() == wanted


def each(page: Page, selector: str, expression: str) -> list[str]:
    """`expression` (of `e`) for every element, read at one moment: a locator takes two."""
    read = f"wanted => [...document.querySelectorAll(wanted)].map(e => {expression})"
    found: list[str] = page.evaluate(read, selector)
    return found


def looks(page: Page) -> list[str]:
    """Class names and text of every cell."""
    return each(page, CELLS, "e.className.replace(' fresh', '') + ' | ' + e.textContent")


def texts(page: Page) -> list[str]:
    return each(page, CELLS, "e.textContent")


def candidates(page: Page) -> list[str]:
    """Text and figures of every shown candidate of the chosen position."""
    return each(page, "#inspector .candidate", "e.textContent.replace(/\\s+/g, ' ')")


def scrub(page: Page, number: int) -> None:
    page.locator("#scrub").fill(str(number))
    expect(page.locator("#step-text")).to_contain_text(f"step {number} /")

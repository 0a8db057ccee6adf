"""What a visitor does on the pages, in words."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

MASKED = "#tokens .cell.masked"
CELLS = "#tokens .cell"
COUNT_STATES = """() => {
  window.seenStates = new Set();
  const masked = () => document.querySelectorAll("#tokens .cell.masked").length;
  const look = () => window.seenStates.add(masked());
  new MutationObserver(look).observe(document.querySelector("#tokens"),
    { subtree: true, attributes: true, childList: true });
}"""


def start_example(page: Page, number: int = 0, length: int | None = None) -> None:
    """From the first page into the workspace by one of the example prompts.

    With `length` as many places, in one block: a run of them lasts long enough to be caught.
    """
    page.goto("/")
    page.locator("[data-example]").nth(number).click()
    if length is not None:
        page.locator("#id_gen_length").fill(str(length))
        page.locator("#id_block_length").fill(str(length))
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


def looks(page: Page) -> list[list[str]]:
    """Class names and text of every cell."""
    read = "cells => cells.map(c => [c.className.replace(' fresh', ''), c.textContent])"
    cells: list[list[str]] = page.locator(CELLS).evaluate_all(read)
    return cells


def texts(page: Page) -> list[str]:
    return page.locator(CELLS).all_inner_texts()


def scrub(page: Page, number: int) -> None:
    page.locator("#scrub").fill(str(number))
    expect(page.locator("#step-text")).to_contain_text(f"step {number} /")

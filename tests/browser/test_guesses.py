"""The picture of denoising: masked cells show what the model expects there, live."""

from __future__ import annotations

from playwright.sync_api import Page, Route, expect

from tests.browser.steps import (
    MASKED,
    action,
    each,
    forward,
    scrub,
    soon,
    start_example,
    start_slow,
)

GUESSED = f"{MASKED}.guess"
WATCH = """() => {
  window.seenGuesses = new Set();
  const look = () => {
    const cell = [...document.querySelectorAll("#tokens .cell.masked.guess")].at(-1);
    if (cell) window.seenGuesses.add(cell.textContent);
  };
  new MutationObserver(look).observe(document.querySelector("#tokens"),
    { subtree: true, attributes: true, childList: true });
}"""


def number_guesses(route: Route) -> None:
    """An untrained model may always expect the same: its guesses are told by their step instead."""
    response = route.fetch()
    told = response.json()
    step = route.request.url.split("/step/")[1].split("/")[0]
    told["labels"] = [f"g{step}" for _ in told["labels"]]
    route.fulfill(response=response, json=told)


def test_a_forward_pass_is_seen_in_the_cells(page: Page) -> None:
    start_example(page)
    forward(page)
    expect(page.locator(GUESSED)).to_have_count(24)
    tinted = each(page, GUESSED, "e.className.match(/tint-[0-5]/)?.[0] ?? ''")
    assert all(tinted)
    assert all(text != "·" for text in each(page, GUESSED, "e.textContent"))
    page.locator("#colour").select_option("none")
    expect(page.locator(f"{MASKED}[class*=tint-]")).to_have_count(0)
    page.locator("#guesses").uncheck()
    expect(page.locator(GUESSED)).to_have_count(0)


def test_guesses_live_during_a_run_and_stay_when_it_stops(page: Page) -> None:
    start_slow(page)
    page.route("**/profile/**", number_guesses)
    page.evaluate(WATCH)
    action(page, "run").click()
    soon(page, lambda: page.evaluate("window.seenGuesses.size > 3"), True, seconds=60)
    action(page, "stop").click()
    expect(page.locator("#run-state")).to_have_text("Stopped")
    soon(page, lambda: page.locator(MASKED).count() - page.locator(GUESSED).count(), 0)
    assert page.locator(GUESSED).count() > 0
    scrub(page, 2)
    soon(page, lambda: page.locator(MASKED).count() - page.locator(GUESSED).count(), 0)

"""The comparison page: whole runs side by side, scrubbed together; and every new page by axe."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import violations
from tests.browser.conftest import Kept, Open
from tests.browser.steps import action, soon, start_example


def compare(page: Page) -> None:
    start_example(page)
    page.goto(page.url.split("?")[0] + "compare/")
    expect(page.locator("main")).to_contain_text("one branch only")
    page.locator("#runs-count").fill("3")
    page.get_by_role("button", name="Run them").click()
    page.wait_for_url("**/compare/?a=*")
    whole(page)


def whole(page: Page) -> None:
    expect(page.locator("#comparison")).to_have_attribute("data-live", "", timeout=60_000)


@pytest.fixture(scope="module")
def sides(keep: Callable[..., Kept]) -> Kept:
    """Three recipes run from the start, side by side, all done; only looked at."""
    return keep(compare)


@pytest.fixture
def compared(sides: Kept, open_page: Open) -> Page:
    page = open_page(storage_state=sides.state)
    page.goto(sides.url)
    whole(page)
    return page


def masked(page: Page) -> list[int]:
    sides = page.locator(".side")
    return [sides.nth(n).locator(".cell.masked").count() for n in range(sides.count())]


def test_runs_stand_side_by_side_and_are_scrubbed_together(compared: Page) -> None:
    expect(compared.locator(".side")).to_have_count(3)
    soon(compared, lambda: masked(compared), [0, 0, 0])
    compared.locator("#all-steps").fill("4")
    soon(compared, lambda: masked(compared), [12, 12, 12])
    compared.locator("[data-side=b] .own").fill("0")
    soon(compared, lambda: masked(compared), [12, 24, 12])
    expect(compared.locator("#comparison")).to_contain_text("positions agree")
    expect(compared.locator("#comparison")).to_contain_text("Tokens per forward")


def test_the_first_divergence_leads_to_its_step(compared: Page) -> None:
    compared.get_by_role("link", name="step 1, position").first.click()
    expect(compared.locator("#step-text")).to_contain_text("step 1 /")
    expect(compared.locator("#inspector h2")).to_contain_text("Position")


def test_scrubbing_asks_the_server_for_nothing(compared: Page) -> None:
    asked: list[str] = []
    compared.on("request", lambda request: asked.append(request.url))
    for step in ("0", "2", "5"):
        compared.locator("#all-steps").fill(step)
    compared.wait_for_timeout(300)
    assert asked == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_axe_finds_nothing_and_nothing_scrolls_sideways(
    sides: Kept, open_page: Open, scheme: Any, width: int
) -> None:
    looked = open_page(width=width, color_scheme=scheme, storage_state=sides.state, bypass_csp=True)
    for address in (sides.url, "/lab/", "/settings/"):
        looked.goto(address)
        found = violations(looked)
        assert found == [], (address, json.dumps(found)[:2000])
        assert looked.evaluate("document.documentElement.scrollWidth") <= width, address


FLAT = """async () => {
  const { difference } = await import("/static/js/difference.js");
  const { fromSnapshot } = await import("/static/js/state.js");
  const sides = JSON.parse(document.querySelector("#sides").textContent);
  const flat = ({ snapshot }, guess, sure) => {
    const heat = btoa(String.fromCharCode(...new Uint8Array(snapshot.slots.length).fill(guess)));
    for (const forward of Object.values(snapshot.forwards)) forward.heat = heat;
    for (const { ops } of snapshot.steps) for (const op of ops) op.p = sure;
    return fromSnapshot(snapshot);
  };
  const found = difference(flat(sides[0], 51, 0.1), flat(sides[1], 204, 0.9));
  const written = ({ snapshot }) => Object.fromEntries(
    snapshot.steps.flatMap(({ number, ops }) => ops.map(({ slot }) => [slot, number])));
  return { ...found, steps: [written(sides[0]), written(sides[1])] };
}"""
"""Two real sides whose best guesses and written tokens are given one probability each."""


def test_the_difference_is_that_of_the_shown_tokens(compared: Page) -> None:
    found = compared.evaluate(FLAT)
    one, two = found["steps"]
    assert len(found["grid"]) == 24
    for slot, row in zip(found["order"], found["grid"], strict=True):
        assert len(row) == 9  # eight steps and the start
        for number, value in enumerate(row):
            first = 0.1 if one[str(slot)] <= number else 0.2
            second = 0.9 if two[str(slot)] <= number else 0.8
            assert value == pytest.approx(abs(first - second)), (slot, number)


def test_the_difference_of_two_sides_is_drawn_and_tabulated(compared: Page) -> None:
    figure = compared.locator("[data-pair=ab]")
    canvas = figure.locator("canvas")
    expect(canvas).to_be_visible()
    expect(figure.locator(".legend .scale")).to_be_visible()
    assert canvas.evaluate("canvas => [canvas.width, canvas.height]") == [9, 24]
    figure.locator("summary").click()
    rows = figure.locator("tbody tr")
    expect(rows).to_have_count(24)
    sides = compared.locator(".side")
    for place in (0, 11, 23):
        cells = rows.nth(place).locator("td").all_inner_texts()
        shown = [sides.nth(n).locator(".cell").nth(place) for n in (0, 1)]
        assert cells[0] == shown[0].get_attribute("data-pos")
        assert 0 <= float(cells[3]) <= float(cells[4]) <= 1
        assert 0 <= int(cells[5]) <= 8
    alpha = (
        "c => [...c.getContext('2d').getImageData(0, 0, 9, 24).data].filter((v, n) => n % 4 == 3)"
    )
    assert set(canvas.evaluate(alpha)) == {255}  # everything is known on both sides


def test_lines_of_another_session_are_scrubbed_along(compared: Page) -> None:
    before = compared.url
    start_example(compared)
    action(compared, "run").click()
    expect(compared.locator("#run-state")).to_have_text("Done", timeout=60_000)
    compared.goto(before)
    group = compared.locator("#side-b optgroup[label^='Same start'] option").first
    compared.locator("#side-b").select_option(group.get_attribute("value"))
    compared.get_by_role("button", name="Show side by side").click()
    expect(compared.locator(".side").nth(1)).to_contain_text("of once upon a time")
    compared.locator("#share").uncheck()
    compared.locator("#all-steps").fill("2")
    soon(compared, lambda: masked(compared)[:2], [18, 22])

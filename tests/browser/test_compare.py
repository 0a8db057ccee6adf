"""The comparison page: whole runs side by side, scrubbed together; and every new page by axe."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open
from tests.browser.steps import action, start_example
from tests.browser.test_plain import _violations as violations


@pytest.fixture
def compared(page: Page) -> Page:
    """Three recipes run from the start, side by side, all done."""
    start_example(page)
    page.goto(page.url.split("?")[0] + "compare/")
    expect(page.locator("main")).to_contain_text("one branch only")
    page.locator("#runs-count").fill("3")
    page.get_by_role("button", name="Run them").click()
    page.wait_for_url("**/compare/?a=*")
    expect(page.locator("#comparison")).to_have_attribute("data-live", "", timeout=60_000)
    return page


def masked(page: Page) -> list[int]:
    sides = page.locator(".side")
    return [sides.nth(n).locator(".cell.masked").count() for n in range(sides.count())]


def test_runs_stand_side_by_side_and_are_scrubbed_together(compared: Page) -> None:
    expect(compared.locator(".side")).to_have_count(3)
    assert masked(compared) == [0, 0, 0]
    compared.locator("#all-steps").fill("4")
    assert masked(compared) == [12, 12, 12]
    compared.locator("[data-side=b] .own").fill("0")
    assert masked(compared) == [12, 24, 12]
    expect(compared.locator("#comparison")).to_contain_text("of the positions agree")
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
    compared: Page, open_page: Open, scheme: Any, width: int
) -> None:
    state = compared.context.storage_state()
    looked = open_page(width=width, color_scheme=scheme, storage_state=state, bypass_csp=True)
    for address in (compared.url, "/lab/", "/settings/"):
        looked.goto(address)
        found = violations(looked)
        assert found == [], (address, json.dumps(found)[:2000])
        assert looked.evaluate("document.documentElement.scrollWidth") <= width, address


EXPECTED = """() => {
  const sides = JSON.parse(document.querySelector("#sides").textContent);
  const [a, b] = sides.map((one) => one.snapshot);
  const raw = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const start = a.session.prompt_length;
  const level = (side, slot, number) => {
    const [step, p] = side.commits[slot] ?? [Infinity, null];
    return step <= number ? p : raw(side.heat[number])[slot] / 255;
  };
  return a.slots.slice(start).map(([slot]) =>
    a.steps.map(({ number }) => Math.abs(level(a, slot, number) - level(b, slot, number))));
}"""


def test_the_difference_of_two_sides_is_drawn_and_tabulated(compared: Page) -> None:
    figure = compared.locator("[data-pair=ab]")
    expect(figure.locator("canvas")).to_be_visible()
    size = figure.locator("canvas").evaluate("canvas => [canvas.width, canvas.height]")
    assert size == [9, 24]  # eight steps and the start, 24 positions
    wanted = compared.evaluate(EXPECTED)
    figure.locator("summary").click()
    rows = figure.locator("tbody tr")
    assert rows.count() == 24
    for place in (0, 11, 23):
        cells = rows.nth(place).locator("td").all_inner_texts()
        largest = max(wanted[place][:-1])  # at the last step everything is written
        assert float(cells[4]) >= round(largest, 3) - 0.001
        assert 0 <= float(cells[3]) <= float(cells[4]) <= 1
    pixels = figure.locator("canvas").evaluate(
        "canvas => [...canvas.getContext('2d').getImageData(1, 0, 1, 24).data]"
    )
    shades = [tuple(pixels[4 * n : 4 * n + 3]) for n in range(24)]
    order = sorted(range(24), key=lambda n: wanted[n][0])
    assert sum(shades[order[-1]]) >= sum(shades[order[0]])  # cividis grows lighter


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
    assert masked(compared)[:2] == [18, 22]

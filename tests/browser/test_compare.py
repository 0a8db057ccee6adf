"""The comparison page: whole runs side by side, scrubbed together; and every new page by axe."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open
from tests.browser.steps import start_example
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

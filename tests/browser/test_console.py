"""No page says anything bad on the browser's console, and none breaks the security policy."""

from __future__ import annotations

import pytest
from playwright.sync_api import ConsoleMessage, Page, expect

from tests.browser.steps import action, choose, forward, live, run_to_the_end, start_example

PAGES = ["/", "/sessions/", "/lab/", "/settings/", "/accounts/", "/accounts/sign-in",
         "/accounts/sign-up", "/accounts/password", "/admin/login/"]  # fmt: skip
BAD = ("error", "warning")


@pytest.fixture
def complaints(page: Page) -> list[str]:
    """What is said on the page's console from now on that should not be."""
    heard: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if message.type in BAD:
            heard.append(f"{page.url}: {message.text}")

    page.on("console", hear)
    return heard


def test_no_page_complains(page: Page, complaints: list[str]) -> None:
    page.goto("/")
    expect(page.locator("h1")).to_be_visible()
    for address in PAGES:
        response = page.goto(address, wait_until="load")
        assert response is not None
        assert response.status == 200, address
        page.wait_for_load_state("networkidle")
    assert complaints == []


def test_a_session_does_not_complain(page: Page, complaints: list[str]) -> None:
    start_example(page)
    forward(page)
    choose(page, 4)
    action(page, "auto_select").click()
    expect(page.locator("#staged li")).not_to_have_count(0)
    action(page, "apply_selection").click()
    expect(page.locator("#step-text")).to_have_text("step 1 / 1")
    run_to_the_end(page)
    for view in ("text", "table", "cells"):
        page.locator("#view").select_option(view)
    page.locator("#heat-lines").hover()
    live(page)
    assert complaints == []
    page.goto(page.url.split("?")[0] + "compare/")
    expect(page.locator("h1")).to_be_visible()
    # That a request of the page before was cut off by leaving it is no complaint.
    assert [one for one in complaints if "/compare/" in one.partition(": ")[0]] == []


def test_a_swap_carries_no_inline_style_over(page: Page, complaints: list[str]) -> None:
    """Screenshots and password managers leave `style` attributes on fields; a partial that takes
    the place of such a field must not be given them."""
    start_example(page)
    page.locator("#branches input[name=name]").first.evaluate(
        "field => { field.style.color = 'red'; field.style.removeProperty('color'); }"
    )
    assert page.locator("#branches input[style]").count() == 1
    run_to_the_end(page)
    expect(page.locator("#branches input[style]")).to_have_count(0)
    live(page)
    assert complaints == []

"""Parts that htmx fetches: a failure is told where it happened, and mended there."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.steps import CELLS, choose, forward, start_example


def test_a_panel_that_cannot_be_read_says_so_and_tries_again(page: Page) -> None:
    start_example(page)
    forward(page)
    choose(page, 2)
    page.route("**/pos/**", lambda route: route.fulfill(status=503, body="no"))
    page.locator(CELLS).nth(3).click()
    panel = page.locator("#inspector")
    expect(panel).to_contain_text("could not be loaded")
    expect(page.locator("#toasts .toast")).to_have_count(0)
    page.unroute("**/pos/**")
    panel.get_by_role("button", name="Try again").click()
    expect(panel.locator(".candidate").first).to_be_visible()
    expect(panel).not_to_contain_text("could not be loaded")


def test_a_picture_that_cannot_be_read_is_told_and_the_page_goes_on(page: Page) -> None:
    start_example(page)
    page.route("**/profile/**", lambda route: route.abort())
    forward(page)
    expect(page.locator("#note")).to_contain_text("could not be reached")
    choose(page, 3)


def test_a_theme_that_cannot_be_kept_is_told(page: Page) -> None:
    page.goto("/")
    page.route("**/theme*", lambda route: route.abort())
    page.locator("[data-theme-form] button").click()
    expect(page.locator("#toasts")).to_contain_text("holds for this page only")

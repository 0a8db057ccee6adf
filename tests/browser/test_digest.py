"""Sliders act on the kept forward pass before the server has answered, and it says the same."""

from __future__ import annotations

from playwright.sync_api import Page, Route, expect

from tests.browser.steps import choose, each, forward, soon, start_example

PERCENT = "#inspector .candidate .num:not(.muted)"


def test_a_slider_acts_before_the_server_has_answered(page: Page) -> None:
    start_example(page)
    forward(page)
    choose(page, 4)
    first = page.locator("#inspector .candidate .num").first
    before = first.inner_text()
    page.route("**/pos/**", lambda route: route.abort())  # the server's partial never comes
    page.locator("[data-slides=softmax_temperature]").fill("-0.7")
    expect(first).not_to_have_text(before)
    assert float(first.inner_text().rstrip("%")) > float(before.rstrip("%"))
    page.locator("#id_actual_top_k").fill("3")
    expect(page.locator("#inspector .candidate:not(.excluded)")).to_have_count(3)
    assert page.locator("#inspector input[name=token]:not(:disabled)").count() == 3


def percents(page: Page) -> list[float]:
    return [float(text.strip("<%")) for text in each(page, PERCENT, "e.textContent")]


def test_what_the_slider_showed_is_what_the_server_says(page: Page) -> None:
    start_example(page)
    forward(page)
    choose(page, 4)
    before = percents(page)
    held: list[Route] = []
    page.route(
        "**/pos/**", lambda route: held.append(route)
    )  # the server's partial waits until we have looked
    page.locator("[data-slides=softmax_temperature]").fill("0.5")
    soon(page, lambda: percents(page) != before and bool(held), True)
    shown = percents(page)
    with page.expect_response("**/pos/**"):
        held[-1].continue_()
    page.wait_for_timeout(200)
    settled = percents(page)
    assert len(shown) > 5
    for a, b in zip(shown, settled, strict=True):
        assert abs(a - b) <= 0.1

"""Generate and Infill with a slow model: output forms in place, and what can be done with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

Open = Callable[..., Page]
FOCUSED = "() => document.activeElement.closest('.generation') !== null"


@pytest.fixture
def page(open_page: Open) -> Page:
    return open_page(permissions=["clipboard-read", "clipboard-write"])


def slow(page: Page, path: str) -> None:
    """The panel, with the slow model chosen."""
    page.goto(path)
    page.locator("#id_choice").select_option("slow")
    page.get_by_role("button", name="Use this model").click()
    expect(page.locator("#id_choice")).to_have_value("slow")
    expect(page.locator("input[name=model][type=hidden]")).to_have_value("slow")


def started(page: Page, box: str, text: str, keys: str) -> Locator:
    """The output, once the model is at it; the page stays where it is."""
    page.locator("#id_max_new_tokens").fill("160")
    page.locator("#id_steps").fill("160")
    page.locator(box).fill(text)
    page.locator(box).press(keys)
    output = page.locator("#output .generation")
    expect(output.locator(".open").first).to_be_visible()
    return output


def open_places(page: Page) -> int:
    """Of the canvas; 0 when it is not there any more."""
    titles: list[str] = page.evaluate(
        "() => [...document.querySelectorAll('#output .open')].map(e => e.title)"
    )
    return sum(int(title.split()[0]) for title in titles)


def test_output_forms_in_place_and_has_the_focus(page: Page) -> None:
    slow(page, "/generate/")
    output = started(page, "#id_prompt", "once upon a time", "Control+Enter")
    assert page.url.endswith("/generate/")
    assert page.evaluate(FOCUSED)
    seen = set[int]()
    while output.get_attribute("aria-busy") == "true":
        seen.add(open_places(page))
        page.wait_for_timeout(100)
    assert len(seen) >= 4
    expect(output.get_by_text("tokens in")).to_be_visible()
    assert page.evaluate(FOCUSED)
    expect(page.locator("#id_prompt")).to_have_value("once upon a time")


def test_gaps_are_filled_in_place(page: Page) -> None:
    slow(page, "/infill/")
    page.locator("#id_max_new_tokens").fill("4")
    page.locator("#id_text").fill("once<gap>time<gap>and")
    page.locator("#id_text").press("Control+Enter")
    output = page.locator("#output .generation")
    expect(output.get_by_text("tokens in")).to_be_visible(timeout=40_000)
    assert page.url.endswith("/infill/")
    assert page.evaluate(FOCUSED)
    written = output.locator("pre").inner_text()
    assert written.startswith("once")
    assert written.endswith("and")


def test_a_draft_is_saved_copied_and_opened(page: Page) -> None:
    slow(page, "/generate/")
    # a text of its own: what another test has computed would come from the cache, too soon to stop
    output = started(page, "#id_prompt", "once upon a tree", "Meta+Enter")
    output.get_by_role("button", name="Stop").click()
    expect(output.get_by_text("Draft")).to_be_visible()
    expect(output.get_by_text("stopped")).to_be_visible()
    output.get_by_role("button", name="Copy").click()
    expect(output.get_by_role("button", name="Copied")).to_be_visible()
    copied = page.evaluate("() => navigator.clipboard.readText()")
    assert copied == output.locator("pre").text_content()
    assert copied
    output.get_by_label("Name").fill("Birds")
    output.get_by_role("button", name="Save").click()
    expect(output.get_by_text("Saved")).to_be_visible()
    expect(output.get_by_text("Draft")).to_have_count(0)
    output.get_by_role("link", name="Open in the workspace").click()
    page.wait_for_url("**/sessions/*-*/**")
    expect(page).to_have_title("Birds · Unmask")


def test_defaults_of_the_settings_are_those_of_the_panels(page: Page) -> None:
    page.goto("/settings/")
    page.get_by_label("Tokens at most").fill("7")
    page.get_by_label("No whitespace at the ends").check()
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#toasts")).to_contain_text("Saved")
    for path in ("/generate/", "/infill/"):
        page.goto(path)
        expect(page.locator("#id_max_new_tokens")).to_have_value("7")
        expect(page.get_by_label("No whitespace at the ends")).to_be_checked()


def test_a_decision_comes_in_place(page: Page) -> None:
    page.goto("/decide/")
    page.locator("#id_text").fill("once <gap> a time")
    page.locator("#id_places").fill("in | upon")
    page.locator("#id_text").press("Control+Enter")
    table: Any = page.locator("#output table")
    expect(table.locator("tbody tr")).to_have_count(2)
    assert page.url.endswith("/decide/")
    expect(page.locator("#output")).to_contain_text("forward pass")

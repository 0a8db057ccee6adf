"""The keyboard map: each key does what the help dialog says, and only where it may."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.steps import (
    CELLS,
    MASKED,
    action,
    choose,
    forward,
    live,
    run_to_the_end,
    scrub,
    start_example,
    start_slow,
)

SELECTED = f"{CELLS}[aria-selected=true]"


@pytest.fixture
def focused(page: Page) -> Page:
    """A workspace with the focus on its first token."""
    start_example(page)
    choose(page, 0)
    return page


def selected(page: Page) -> int:
    return int(page.locator(SELECTED).get_attribute("data-pos") or 0)


def test_arrows_home_and_end_move_the_one_tab_stop(focused: Page) -> None:
    first = selected(focused)
    for key, pos in [("ArrowRight", 1), ("ArrowRight", 2), ("ArrowLeft", 1), ("End", 23),
                     ("ArrowRight", 23), ("Home", 0)]:  # fmt: skip
        focused.keyboard.press(key)
        expect(focused.locator(SELECTED)).to_have_attribute("data-pos", str(first + pos))
    assert focused.locator(f"{CELLS}[tabindex='0']").count() == 1
    focused.keyboard.press("ArrowDown")
    assert selected(focused) > first + 1


def test_the_cycle_by_keys_alone(focused: Page) -> None:
    focused.keyboard.press("f")
    expect(action(focused, "auto_select")).not_to_have_attribute("aria-disabled", "true")
    focused.keyboard.press("a")
    expect(focused.locator("#staged li")).to_have_count(1)
    focused.keyboard.press("ArrowRight")
    focused.keyboard.press("ArrowRight")
    expect(focused.locator("#inspector input[name=token]").first).to_be_attached()
    pos = selected(focused)
    expect(focused.locator("#inspector h2")).to_have_text(f"Position {pos}")
    focused.keyboard.press("2")
    expect(focused.locator(f"{CELLS}.staged[data-pos='{pos}']")).to_have_count(1)
    focused.keyboard.press("u")
    expect(focused.locator(f"{CELLS}.staged[data-pos='{pos}']")).to_have_count(0)
    focused.keyboard.press("1")
    expect(focused.locator(f"{CELLS}.staged[data-pos='{pos}']")).to_have_count(1)
    focused.keyboard.press("Control+Enter")
    expect(focused.locator("#step-text")).to_have_text("step 1 / 1")
    focused.keyboard.press("m")
    expect(focused.locator("#step-text")).to_have_text("step 2 / 2")
    expect(focused.locator(f"{CELLS}[data-pos='{pos}']")).to_contain_class("masked")
    focused.keyboard.press("l")
    expect(focused.locator(f"{CELLS}[data-pos='{pos}']")).to_contain_class("locked")


def test_enter_goes_to_the_candidates(focused: Page) -> None:
    forward(focused)
    choose(focused, 3)
    expect(focused.locator("#inspector input[name=token]").first).to_be_attached()
    focused.keyboard.press("Enter")
    expect(focused.locator("#inspector input[name=token]").first).to_be_focused()


def test_run_and_the_timeline_by_keys(focused: Page) -> None:
    focused.keyboard.press("r")
    expect(focused.locator("#run-state")).to_have_text("Done", timeout=60_000)
    expect(focused.locator(MASKED)).to_have_count(0)
    last = int(focused.locator("#scrub").input_value())
    for key, step in [("[", last - 1), ("{", 0), ("]", 1), ("}", last)]:
        focused.keyboard.press(key)
        expect(focused.locator("#step-text")).to_have_text(f"step {step} / {last}")
    focused.keyboard.press("{")
    focused.keyboard.press("b")
    expect(focused.locator("#branches a[data-branch]")).to_have_count(2)


def test_the_focus_stays_on_its_token_during_a_run(focused: Page) -> None:
    focused.keyboard.press("End")
    pos = selected(focused)
    action(focused, "run").dispatch_event("click")
    focused.locator(f"{CELLS}[data-pos='{pos}']").focus()
    expect(focused.locator("#run-state")).to_have_text("Done", timeout=60_000)
    expect(focused.locator(f"{CELLS}[data-pos='{pos}']")).to_be_focused()


def test_views_help_and_replay(focused: Page) -> None:
    run_to_the_end(focused)
    choose(focused, 0)
    for view in ("text", "overview", "table", "cells"):
        if view == "cells":
            focused.locator("#scrub").focus()
        focused.keyboard.press("v")
        expect(focused.locator("#view")).to_have_value(view)
        expect(focused.locator("#token-table")).to_be_visible(visible=view == "table")
    choose(focused, 0)
    focused.keyboard.press("?")
    expect(focused.locator("#help")).to_be_visible()
    focused.keyboard.press("Escape")
    expect(focused.locator("#help")).to_be_hidden()
    focused.locator("#speed").select_option("40")
    choose(focused, 0)
    focused.keyboard.press(" ")
    expect(focused.locator(MASKED)).not_to_have_count(0)
    expect(focused.locator(MASKED)).to_have_count(0)


def test_letters_are_letters_where_one_types(page: Page) -> None:
    start_example(page)
    page.locator("#id_tokens_to_select").focus()
    for key in "favmb":
        page.keyboard.press(key)
    page.wait_for_timeout(300)
    expect(action(page, "auto_select")).to_have_attribute("aria-disabled", "true")
    expect(page.locator("#branches a[data-branch]")).to_have_count(1)
    expect(page.locator("#view")).to_have_value("cells")


def test_lines_and_pages_of_tokens(page: Page) -> None:
    start_example(page, 1)
    choose(page, 0)
    page.keyboard.press("ArrowDown")
    below = selected(page)
    page.keyboard.press("ArrowUp")
    first = selected(page)
    assert below > first
    page.keyboard.press("PageDown")
    assert selected(page) >= below
    page.keyboard.press("PageUp")
    assert selected(page) == first


def test_escape_stops_a_run(page: Page) -> None:
    start_slow(page)
    choose(page, 0)
    page.keyboard.press("r")
    expect(page.locator("#run-state")).to_have_text("Running")
    page.keyboard.press("Escape")
    expect(page.locator("#run-state")).to_have_text("Stopped")
    assert page.locator(MASKED).count() > 0


def test_the_tree_of_branches_and_the_comparison_by_keys(focused: Page) -> None:
    run_to_the_end(focused)
    for step in (1, 2):
        choose(focused, 0)
        focused.locator("#branches a[data-branch]").first.click()
        expect(focused.locator("#branch-name")).to_have_text("main")
        scrub(focused, step)
        choose(focused, 0)
        focused.keyboard.press("b")
        expect(focused.locator("#branch-name")).to_have_text(f"branch {step}")
    for key, name in [
        ("ArrowUp", "branch 1"), ("ArrowDown", "branch 2"), ("ArrowLeft", "main"),
        ("ArrowRight", "branch 2"),
    ]:  # fmt: skip
        live(focused)
        choose(focused, 0)
        focused.keyboard.press(f"Alt+{key}")
        expect(focused.locator("#branch-name")).to_have_text(name)
    live(focused)
    choose(focused, 0)
    focused.keyboard.press("c")
    focused.wait_for_url("**/compare/?a=*&b=*")

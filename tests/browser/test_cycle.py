"""A guest's way through the workspace, and what survives reloads, restarts and lost lines."""

from __future__ import annotations

import re
import signal

from playwright.sync_api import Page, expect

from tests.browser.conftest import Open
from tests.browser.steps import (
    CELLS,
    COUNT_STATES,
    MASKED,
    action,
    apply_staged,
    choose,
    forward,
    live,
    looks,
    run_to_the_end,
    scrub,
    soon,
    stage_candidate,
    start_example,
    start_slow,
    texts,
)
from tests.servers import Site

FIRST_BRANCH = "#branches a[data-branch]"


def test_the_whole_cycle_by_hand_and_by_strategy(page: Page) -> None:
    start_example(page)
    expect(action(page, "auto_select")).to_have_attribute("aria-disabled", "true")
    expect(action(page, "auto_select")).to_have_attribute("title", "Run a forward pass first.")
    forward(page)
    choose(page, 5)
    chosen = stage_candidate(page, 1)
    expect(page.locator("#staged li")).to_have_count(1)
    page.locator("#id_tokens_to_select").fill("3")
    action(page, "auto_select").click()
    expect(page.locator("#staged li")).to_have_count(4)
    apply_staged(page, 1)
    expect(page.locator(CELLS).nth(5)).to_have_text(chosen)
    expect(page.locator(CELLS).nth(5)).to_contain_class("hand")
    expect(page.locator(f"{CELLS}.now")).to_have_count(4)


def test_a_run_is_seen_step_by_step(page: Page) -> None:
    start_slow(page)
    page.evaluate(COUNT_STATES)
    action(page, "run").click()
    soon(page, lambda: page.evaluate("window.seenStates.size > 5"), True)
    counts = page.evaluate("[...window.seenStates]")
    assert counts == sorted(counts, reverse=True)
    assert counts[-1] > 0
    action(page, "stop").click()
    expect(page.locator("#run-state")).to_have_text("Stopped")


def test_another_choice_at_an_older_step_makes_a_branch(page: Page) -> None:
    start_example(page)
    run_to_the_end(page)
    before = texts(page)
    scrub(page, 4)
    expect(page.locator("#viewing")).to_be_visible()
    masked = page.locator(MASKED).count()
    assert masked > 0
    open_now = page.locator(CELLS).evaluate_all(
        "cells => cells.findIndex(cell => cell.classList.contains('masked'))"
    )
    choose(page, open_now)
    stage_candidate(page, 2)
    expect(page.locator("#staged li")).to_have_count(1)
    apply_staged(page, 5)
    expect(page.locator(FIRST_BRANCH)).to_have_count(2)
    expect(page.locator(MASKED)).to_have_count(masked - 1)
    page.locator(FIRST_BRANCH).first.click()
    live(page)
    soon(page, lambda: texts(page), before)


def test_reload_shows_the_same(page: Page) -> None:
    start_example(page)
    run_to_the_end(page)
    before = looks(page)
    page.reload()
    live(page)
    soon(page, lambda: looks(page), before)


def test_the_page_draws_what_the_server_draws(page: Page, open_page: Open) -> None:
    """The two cell renderers (Python and JavaScript) agree, for each view and colour."""
    start_example(page, 1)
    forward(page)
    action(page, "auto_select").click()
    expect(page.locator("#staged li")).not_to_have_count(0)
    apply_staged(page, 1)
    address = page.url.split("?")[0]
    plain = open_page(java_script_enabled=False, storage_state=page.context.storage_state())
    for query in ("", "?view=text", "?colour=step", "?colour=chosen", "?colour=none"):
        page.goto(address + query)
        live(page)
        page.locator("#guesses").uncheck()
        plain.goto(address + query)
        drawn = [
            f"{c.get_attribute('class')} | {c.text_content()}" for c in plain.locator(CELLS).all()
        ]
        soon(page, lambda drawn=drawn: looks(page), drawn)


def test_a_restart_of_the_server_is_survived(page: Page, house: Site) -> None:
    start_example(page, 1)
    forward(page)
    house.stop(signal.SIGKILL)
    expect(page.locator("#connection")).not_to_have_attribute("data-connection", "live")
    expect(action(page, "run")).to_have_attribute("aria-disabled", "true")
    choose_offline = page.locator(CELLS).nth(2)
    choose_offline.click()
    expect(choose_offline).to_have_attribute("aria-selected", "true")
    house.start()
    expect(page.locator("#connection")).to_have_attribute("data-connection", "live", timeout=40_000)
    run_to_the_end(page)


def test_only_the_chosen_cell_carries_its_description(page: Page) -> None:
    start_example(page)
    choose(page, 5)
    expect(page.locator(CELLS).nth(5)).to_have_attribute("title", re.compile(": masked$"))
    choose(page, 6)
    run_to_the_end(page)
    expect(page.locator(CELLS).nth(6)).to_have_attribute("title", re.compile(", step "))
    for name in ("title", "aria-label"):
        expect(page.locator(f"{CELLS}[{name}]")).to_have_count(1)


def test_two_tabs_stay_in_step(page: Page) -> None:
    start_example(page)
    other = page.context.new_page()
    other.goto(page.url)
    live(other)
    run_to_the_end(page)
    expect(other.locator(MASKED)).to_have_count(0)
    soon(other, lambda: texts(other), texts(page))


def test_strategies_are_compared_on_one_forward_pass(page: Page) -> None:
    start_example(page)
    expect(action(page, "compare")).to_have_attribute("aria-disabled", "true")
    forward(page)
    page.locator("#id_tokens_to_select").fill("3")
    action(page, "compare").click()
    expect(page.locator("#compare .strategy")).to_have_count(5)
    expect(page.locator("#compare .strategy .pick")).to_have_count(15)
    wanted = page.locator("#compare .strategy").nth(0).locator(".pick .num.muted").all_inner_texts()
    page.get_by_role("button", name="Stage these: Least confident first").click()
    expect(page.locator("#staged li")).to_have_count(3)
    staged = page.locator("#staged li .num").all_inner_texts()
    assert sorted(staged) == sorted(wanted)

"""What is looked at stands in the address, and what was set stays: reload, back, branches, keys."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.browser.conftest import Open
from tests.browser.steps import (
    CELLS,
    action,
    apply_staged,
    choose,
    each,
    forward,
    live,
    run_to_the_end,
    scrub,
    stage_candidate,
    start_example,
)

BRANCHES = "#branches a[data-branch]"


def test_the_address_follows_to_the_branch_of_a_run(page: Page) -> None:
    start_example(page)
    run_to_the_end(page)
    scrub(page, 0)
    expect(page).to_have_url(re.compile(r"[?&]step=0\b"))
    main = page.locator(BRANCHES).first.get_attribute("data-branch")
    run_to_the_end(page)
    expect(page.locator("#branch-name")).to_have_text(re.compile("most confident first"))
    branch = page.locator(BRANCHES).nth(1).get_attribute("data-branch")
    assert branch != main
    expect(page).to_have_url(re.compile(rf"\?branch={branch}$"))
    page.reload()
    live(page)
    expect(page.locator("#branch-name")).to_have_text(re.compile("most confident first"))
    expect(page.locator("#step-text")).to_have_text("step 24 / 24")


def test_the_address_follows_what_is_applied_at_an_older_step(page: Page) -> None:
    start_example(page)
    run_to_the_end(page)
    scrub(page, 4)
    looks = each(page, CELLS, "e.className")
    choose(page, next(at for at, names in enumerate(looks) if "masked" in names))
    expect(page.locator("#viewing-text")).to_have_text(
        "Viewing step 4 of 24. Changes here start a new branch."
    )
    stage_candidate(page, 1)
    expect(page.locator("#staged li")).to_have_count(1)
    expect(page.locator("#viewing-text")).to_contain_text("Changes here start a new branch")
    apply_staged(page, 5)
    branch = page.locator(BRANCHES).nth(1).get_attribute("data-branch")
    expect(page).to_have_url(re.compile(rf"\?branch={branch}&pos=\d+$"))
    expect(page.locator("#viewing")).to_be_hidden()


def test_view_and_colour_stand_in_the_address_and_stay(page: Page, open_page: Open) -> None:
    start_example(page)
    page.locator("#view").select_option("text")
    page.locator("#colour").select_option("entropy")
    expect(page).to_have_url(re.compile(r"view=text&colour=entropy"))
    page.reload()
    live(page)
    expect(page.locator("#tokens")).to_have_attribute("data-view", "text")
    page.goto(page.url.split("?")[0])  # without them the last ones hold
    live(page)
    expect(page.locator("#colour")).to_have_value("entropy")


def test_settings_stay_across_reloads_and_branches(page: Page) -> None:
    start_example(page)
    page.locator("#id_recipe").select_option("llada/random")
    page.locator("#id_tokens_to_select").fill("3")
    page.locator("#id_p_temperature").fill("0.5")
    page.locator("#id_softmax_temperature").fill("0.6")
    page.locator("#id_strategy").select_option(index=2)
    strategy = page.locator("#id_strategy").input_value()
    page.locator("#branch-here").click()
    expect(page.locator(BRANCHES)).to_have_count(2)
    page.locator(BRANCHES).first.click()
    for _ in range(2):
        live(page)
        expect(page.locator("#branch-name")).to_have_text("main")
        expect(page.locator("#id_recipe")).to_have_value("llada/random")
        expect(page.locator("#id_tokens_to_select")).to_have_value("3")
        expect(page.locator("#id_p_temperature")).to_have_value("0.5")
        expect(page.locator("#id_softmax_temperature")).to_have_value("0.6")
        expect(page.locator("#id_strategy")).to_have_value(strategy)
        page.reload()
    live(page)
    expect(page.locator("#id_recipe")).to_have_value("llada/random")  # put back by the script
    sentence = page.locator("#id_recipe option:checked").get_attribute("data-sentence") or "-"
    expect(page.locator("#recipe-help")).to_have_text(sentence)


def test_kept_settings_hold_for_the_numbers_too(page: Page) -> None:
    start_example(page)
    forward(page)
    page.locator("#id_softmax_temperature").fill("0.2")
    choose(page, 4)
    page.locator("#id_actual_top_k").fill("3")
    page.reload()
    live(page)
    choose(page, 4)
    expect(page.locator("#inspector .candidate:not(.excluded)")).to_have_count(3)


def test_the_focus_stays_where_keys_act(page: Page) -> None:
    start_example(page)
    choose(page, 2)
    for view in ("text", "overview", "table", "cells", "text"):
        page.keyboard.press("v")
        expect(page.locator("#view")).to_have_value(view)
        assert page.evaluate("document.querySelector('#main').contains(document.activeElement)")
    page.locator("#branch-here").click()
    expect(page.locator(BRANCHES)).to_have_count(2)
    page.locator(CELLS).nth(2).focus()
    page.keyboard.press("Alt+ArrowLeft")
    expect(page.locator("#branch-name")).to_have_text("main")
    live(page)
    page.keyboard.press("f")
    expect(action(page, "auto_select")).not_to_have_attribute("aria-disabled", "true")


def test_stage_these_tells_of_the_strategy_that_was_taken(page: Page) -> None:
    start_example(page)
    forward(page)
    action(page, "compare").click()
    page.get_by_role("button", name="Stage these: Least confident first").click()
    expect(page.locator("#staged li")).not_to_have_count(0)
    sentence = page.locator("#id_strategy option:checked").get_attribute("data-sentence") or "-"
    expect(page.locator("#strategy-help")).to_have_text(sentence)


def test_the_prompt_has_the_focus_and_ctrl_enter_starts(page: Page) -> None:
    page.goto("/")
    expect(page.locator("#id_prompt")).to_be_focused()
    page.keyboard.type("once upon")
    page.keyboard.press("Control+Enter")
    page.wait_for_url("**/sessions/*-*/**")
    page.goto("/")
    page.locator("#id_gen_length").evaluate("field => field.removeAttribute('max')")
    page.locator("#id_gen_length").fill("99999")
    page.locator("#id_prompt").focus()
    page.keyboard.press("Control+Enter")
    expect(page.locator("#errors")).to_be_focused()

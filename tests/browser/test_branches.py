"""The branch panel, undo of staging, presets, plots: what the side panels do without a reload."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.steps import (
    CELLS,
    MASKED,
    action,
    apply_staged,
    choose,
    forward,
    live,
    run_to_the_end,
    scrub,
    stage_candidate,
    start_example,
)

BRANCHES = "#branches a[data-branch]"


@pytest.fixture
def forked(page: Page) -> Page:
    """A finished line and a fork of it after its third step."""
    start_example(page)
    run_to_the_end(page)
    scrub(page, 3)
    page.locator("#branch-here").click()
    expect(page.locator(BRANCHES)).to_have_count(2)
    return page


def menu(page: Page, name: str) -> None:
    page.get_by_label(f"More for branch {name}", exact=True).click()


def test_a_branch_is_renamed_and_marked(forked: Page) -> None:
    menu(forked, "branch 1")
    box = forked.get_by_label("New name of branch 1")
    box.fill("a <b>bolder</b> end")
    forked.locator("#branches .menu[open]").get_by_role("button", name="Rename").press("Enter")
    expect(forked.locator(BRANCHES).nth(1)).to_have_text("a <b>bolder</b> end")
    expect(forked.locator("#branch-name")).to_have_text("a <b>bolder</b> end")
    expect(forked.get_by_label("More for branch a <b>bolder</b> end")).to_be_focused()
    menu(forked, "a <b>bolder</b> end")
    forked.locator("#branches .menu[open]").get_by_role("button", name="Mark").click()
    expect(forked.locator("#branches [aria-label=marked]")).to_have_count(1)


def test_pruning_can_be_undone_and_pruned_branches_come_back(forked: Page) -> None:
    forked.locator(BRANCHES).first.click()
    live(forked)
    scrub(forked, 2)
    forked.locator("#branch-here").click()
    expect(forked.locator(BRANCHES)).to_have_count(3)
    menu(forked, "branch 1")
    forked.locator("#branches .menu[open]").get_by_role("button", name="Archive").click()
    expect(forked.locator(BRANCHES)).to_have_count(2)
    forked.locator(".toast").get_by_role("button", name="Undo").click()
    expect(forked.locator(BRANCHES)).to_have_count(3)
    menu(forked, "branch 1")
    forked.locator("#branches .menu[open]").get_by_role("button", name="Archive").click()
    forked.locator("#branches .pruned summary").click()
    forked.get_by_label("Restore branch branch 1").click()
    expect(forked.locator(BRANCHES)).to_have_count(3)


def test_open_places_are_filled_from_another_branch(forked: Page) -> None:
    expect(forked.locator(MASKED)).to_have_count(21)
    menu(forked, "main")
    forked.locator("#branches .menu[open]").get_by_role(
        "button", name="Fill masks from this branch"
    ).click()
    expect(forked.locator(MASKED)).to_have_count(0)
    expect(forked.locator("#toasts")).to_contain_text("Masks were filled from main")


def test_staging_is_undone_and_redone_by_keys(page: Page) -> None:
    start_example(page)
    forward(page)
    for place in (2, 5):
        choose(page, place)
        stage_candidate(page, 1)
        expect(page.locator(f"{CELLS}.staged")).to_have_count(1 if place == 2 else 2)
    page.locator(CELLS).nth(5).focus()
    for keys, left in [("Control+z", 1), ("Control+z", 0), ("Control+Shift+Z", 1),
                       ("Control+Shift+Z", 2)]:  # fmt: skip
        page.keyboard.press(keys)
        expect(page.locator("#staged li")).to_have_count(left)
    for keys, left in [("Control+z", 0), ("Control+Shift+Z", 2)]:
        page.keyboard.press(keys)
        page.keyboard.press(keys)  # before the first one has been answered
        expect(page.locator("#staged li")).to_have_count(left)
    apply_staged(page, 1)
    page.locator(CELLS).nth(5).focus()
    page.keyboard.press("Control+z")
    expect(page.locator("#toasts")).to_contain_text("No staging to undo")
    expect(page.locator("#step-text")).to_have_text("step 1 / 1")


def test_candidates_are_stepped_through_by_alt_and_a_point(page: Page) -> None:
    start_example(page)
    forward(page)
    choose(page, 4)
    page.keyboard.press("Alt+.")
    expect(page.locator("#staged li")).to_have_count(1)
    first = page.locator("#staged .token").inner_text()
    page.keyboard.press("Alt+.")
    expect(page.locator("#staged .token")).not_to_have_text(first)
    page.keyboard.press("Alt+,")
    expect(page.locator("#staged .token")).to_have_text(first)


def test_enter_in_a_number_starts_nothing(page: Page) -> None:
    start_example(page)
    page.locator("#id_softmax_temperature").fill("0.7")
    page.keyboard.press("Enter")
    page.wait_for_timeout(300)
    expect(page.locator("#step-text")).to_have_text("step 0 / 0")
    expect(page.locator("#run-state")).to_be_hidden()


def test_the_order_of_unmasking_is_a_plot_and_a_number(page: Page) -> None:
    start_example(page)
    page.locator("#id_recipe").select_option("rank/left_to_right")
    run_to_the_end(page)
    page.locator(CELLS).first.focus()
    page.keyboard.press("h")
    expect(page.locator("#order path")).to_have_count(24)
    expect(page.locator("#order-words")).to_contain_text("1.00 (1 = left to right")
    page.keyboard.press("h")
    expect(page.locator("#steps-body tr")).to_have_count(24)


def test_presets_are_saved_used_and_deleted_without_a_reload(page: Page) -> None:
    start_example(page)
    for name, heat in [("warm", "1.5"), ("cool", "0.5")]:
        page.locator("#id_softmax_temperature").fill(heat)
        page.locator("#id_preset_name").fill(name)
        page.locator("[data-preset=save]").click()
        expect(page.locator("#id_preset option")).to_contain_text([name])
        live(page)
    page.locator("#id_preset").select_option("warm")
    page.locator("[data-preset=apply]").click()
    expect(page.locator("#id_softmax_temperature")).to_have_value("1.5")
    page.locator("[data-preset=delete]").click()
    expect(page.locator("#id_preset option")).to_have_count(1)
    page.locator(".toast").get_by_role("button", name="Undo").click()
    expect(page.locator("#id_preset option")).to_have_count(2)


def test_single_letter_keys_can_be_turned_off(page: Page) -> None:
    page.goto("/settings/")
    page.get_by_label("Turn single-letter keys off").check()
    page.get_by_role("button", name="Save").click()
    start_example(page)
    choose(page, 0)
    page.keyboard.press("f")
    page.wait_for_timeout(400)
    expect(action(page, "auto_select")).to_have_attribute("aria-disabled", "true")
    page.keyboard.press("ArrowRight")
    chosen = page.locator(f"{CELLS}[aria-selected=true]")
    expect(chosen).to_have_attribute("data-pos", re.compile(r"\d+"))


def test_tokens_that_the_model_regrets_are_marked(page: Page) -> None:
    start_example(page)
    forward(page)
    choose(page, 3)
    stage_candidate(page, 1)
    slot = page.locator(CELLS).nth(3).get_attribute("data-slot")
    told = json.dumps({"judged": 1, "slots": {slot: [0.9, 0.125]}})
    page.route("**/regret/**", lambda route: route.fulfill(body=told))
    apply_staged(page, 1)
    forward(page)
    expect(page.locator("#regret-key")).to_be_visible()
    cell = page.locator(f"{CELLS}.regret")
    expect(cell).to_have_count(1)
    expect(cell).to_have_attribute("aria-label", re.compile("the model gives it 13 % now"))


def test_a_run_marks_what_it_regrets_if_asked_to(page: Page) -> None:
    start_example(page)
    page.locator("#id_recipe").select_option("llada/random")
    with page.expect_response("**/step/24/regret/**") as first:
        run_to_the_end(page)
    assert first.value.json()["judged"] == 0  # nothing was read where tokens are written
    expect(page.locator(f"{CELLS}.regret")).to_have_count(0)
    page.locator("#id_keep_settled").check()
    scrub(page, 0)
    with page.expect_response("**/step/24/regret/**") as asked:
        run_to_the_end(page)
    told = asked.value.json()
    assert told["judged"] == 23  # all but the last one written
    assert told["slots"]  # chance alone has the model doubt some of them
    expect(page.locator("#regret-key")).to_be_visible()
    expect(page.locator(f"{CELLS}.regret")).to_have_count(len(told["slots"]))
    page.reload()
    expect(page.locator("#id_keep_settled")).to_be_checked()

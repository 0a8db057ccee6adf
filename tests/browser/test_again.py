"""A finished state is a beginning, with JavaScript: run again, another token, any text."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.steps import MASKED, action, choose, live, soon, start_example

DONE = "#run-state"


def run_to_the_end(page: Page) -> None:
    action(page, "run").click()
    expect(page.locator(DONE)).to_have_text("Done", timeout=60_000)
    expect(page.locator(MASKED)).to_have_count(0)


def test_an_example_runs_at_one_click(page: Page) -> None:
    page.goto("/")
    page.locator("button[name=run_example]:not(.adapted *)").first.click()  # a small model's
    page.wait_for_url("**/sessions/*-*/**")
    live(page)
    expect(page.locator(DONE)).to_have_text("Done", timeout=60_000)


def test_a_run_is_made_again_and_a_token_chosen_instead(page: Page) -> None:
    start_example(page)
    run_to_the_end(page)
    page.locator("#id_times").fill("2")
    page.locator("#id_seed").fill("7")
    action(page, "run_again").click()
    expect(page.locator("#branches a[data-branch]")).to_have_count(3)
    expect(page.locator("#branch-name")).to_contain_text("seed 7")
    expect(page.locator(DONE)).to_have_text("Done", timeout=60_000)
    expect(page.locator(MASKED)).to_have_count(0)

    choose(page, 3)
    radio = page.locator("#inspector input[name=token]:not(:disabled):not(:checked)").first
    label = radio.get_attribute("data-label") or ""
    token = radio.get_attribute("value")
    radio.check()
    page.locator("#inspector [data-do=choose]").click()
    expect(page.locator("#branches a[data-branch]")).to_have_count(4)
    expect(page.locator(DONE)).to_have_text("Done", timeout=60_000)
    expect(page.locator(MASKED)).to_have_count(0)
    choose(page, 3)
    chosen = page.locator(f"#inspector input[name=token][value='{token}']")
    expect(chosen).to_be_checked()
    assert label


def test_any_text_is_staged(page: Page) -> None:
    start_example(page)
    choose(page, 1)
    page.locator("#typed-text").fill("cat")
    page.locator("[data-typed] button").click()
    soon(page, lambda: page.locator("#tokens .cell.staged").count() > 0, True)
    expect(page.locator("#staged-head")).to_contain_text("Staged")

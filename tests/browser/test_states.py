"""Every state of the page, as a visitor meets it. (Disconnected and reconnected: test_cycle.)"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.house import SLUG
from tests.browser.steps import (
    CELLS,
    MANY,
    MASKED,
    action,
    candidates,
    choose,
    forward,
    live,
    run_to_the_end,
    soon,
    start_example,
    start_slow,
)
from tests.servers import Site

PILL = "#model"


def _session_of(page: Page) -> str:
    found = re.search(r"/sessions/([0-9a-f-]+)/", page.url)
    assert found
    return found.group(1)


@pytest.fixture
def model_row(house: Site) -> Iterator[str]:
    """Lines of Python that find the model's row; afterwards it is as the worker left it."""
    rows = (
        f"from inference.models import ModelEntry; rows = ModelEntry.objects.filter(slug={SLUG!r})"
    )
    yield rows
    house.run(f"{rows}; rows.update(state='loaded', progress=0, bytes_total=0, error=''); print(1)")


def test_new_a_prompt_form_and_examples(page: Page) -> None:
    page.goto("/")
    example = page.locator("[data-example]").first
    example.click()
    expect(page.locator("textarea[name=prompt]")).to_have_value("once upon a time")
    expect(page.locator("#start")).to_be_enabled()


@pytest.mark.parametrize(
    ("changes", "words", "light"),
    [
        ("state='loading', progress=0.42, bytes_total=1000", "loading 42%", "busy"),
        ("state='absent'", "not on this machine", "bad"),
        ("state='failed', error='Two files are missing.'", "failed to load", "bad"),
    ],
)
def test_the_model_s_state_is_told(
    page: Page, house: Site, model_row: str, changes: str, words: str, light: str
) -> None:
    start_example(page)
    house.run(f"{model_row}; rows.update({changes}); print(1)")
    page.reload()
    live(page)
    expect(page.locator(PILL)).to_contain_text(words)
    expect(page.locator(PILL)).to_have_attribute("data-state", light)
    expect(page.locator(CELLS).first).to_be_visible()  # everything stays readable
    expect(page.locator("#cancel-load")).to_be_visible(visible="loading" in changes)
    if "error" in changes:
        expect(page.locator(PILL)).to_have_attribute("title", "Two files are missing.")


def test_running_can_be_stopped_and_taken_up_again(page: Page) -> None:
    start_slow(page)
    expect(action(page, "stop")).to_have_attribute("aria-disabled", "true")
    action(page, "run").click()
    expect(page.locator("#run-state")).to_have_text("Running")
    action(page, "stop").click()
    expect(page.locator("#run-state")).to_have_text("Stopped")
    left = page.locator(MASKED).count()
    assert 0 < left < MANY  # what was made is kept
    page.locator("#id_tokens_to_select").fill("100")
    run_to_the_end(page)


def test_an_error_says_what_to_do_and_nothing_is_lost(page: Page) -> None:
    start_example(page)
    forward(page)
    pace = page.locator("#id_tokens_to_select")
    pace.evaluate("field => field.removeAttribute('max')")
    pace.fill("5000")
    action(page, "auto_select").click()
    toast = page.locator("#toasts .toast-error")
    expect(toast).to_contain_text("tokens_to_select")
    expect(toast).not_to_contain_text("Reference")  # nobody has to report a refusal
    toast.get_by_role("button", name="Dismiss this message").click()
    expect(toast).to_have_count(0)
    pace.fill("2")
    action(page, "auto_select").click()
    expect(page.locator("#staged li")).to_have_count(2)


def test_evicted_logits_leave_the_digest(page: Page, house: Site) -> None:
    start_example(page)
    forward(page)
    choose(page, 3)
    before = candidates(page)
    house.stop()  # the logits lived in its memory
    house.start()
    page.reload()
    live(page)
    choose(page, 3)
    soon(page, lambda: candidates(page), before)
    assert len(before) > 5


def test_a_deleted_session_is_gone(page: Page) -> None:
    start_example(page)
    other = page.context.new_page()
    other.goto("/sessions/")
    other.locator("details.menu summary[aria-label^='More for']").first.click()
    other.get_by_role("button", name="Delete").first.click()
    expect(page.locator("#connection")).to_have_attribute("data-connection", "gone")
    expect(page.locator("#banner")).to_contain_text("no longer there")
    expect(page.locator(CELLS).first).to_be_visible()


def test_whoever_is_signed_out_is_told(page: Page, house: Site) -> None:
    start_example(page)
    owner = (
        "from visualizer.models import Session as Ours; user = Ours.objects.get(pk={!r}).owner_id"
    )
    theirs = (
        "[row for row in Session.objects.all() if row.get_decoded()['_auth_user_id'] == str(user)]"
    )
    house.run(
        "from django.contrib.sessions.models import Session\n"
        f"{owner.format(_session_of(page))}\n"
        f"print(len([row.delete() for row in {theirs}]))"
    )
    expect(page.locator("#connection")).to_have_attribute("data-connection", "signed-out")
    expect(page.locator("#banner")).to_contain_text("signed out")
    expect(page.locator("#banner button")).to_have_text("Sign in")

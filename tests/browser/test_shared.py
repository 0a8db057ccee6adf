"""A shared session in the browser: it is live, everything can be looked at, nothing changed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import violations
from tests.browser.conftest import Kept, Open
from tests.browser.steps import (
    CELLS,
    MASKED,
    action,
    choose,
    forward,
    live,
    run_to_the_end,
    scrub,
    soon,
    start_example,
    texts,
)

REASON = "You are looking at a shared session."


def make_link(page: Page) -> str:
    """Through the page's own control; back to the workspace afterwards."""
    here = page.url
    page.get_by_role("link", name="Share").click()
    page.locator("#id_name").fill("a friend")
    page.get_by_role("button", name="Make a link").click()
    address = page.locator("#address").input_value()
    page.goto(here)
    live(page)
    return address


@pytest.fixture
def shared(page: Page) -> str:
    """The link to a session of `page`, which has a forward pass and a staged token."""
    start_example(page)
    forward(page)
    return make_link(page)


def test_a_reader_sees_a_run_as_it_happens(page: Page, shared: str, open_page: Open) -> None:
    reader = open_page()
    reader.goto(shared)
    live(reader)
    before = reader.locator(MASKED).count()
    run_to_the_end(page)
    expect(reader.locator("#run-state")).to_have_text("Done")
    expect(reader.locator(MASKED)).to_have_count(0)
    assert before == 24
    soon(reader, lambda: texts(reader), texts(page))


def test_scrubbing_is_the_reader_s_own(page: Page, shared: str, open_page: Open) -> None:
    run_to_the_end(page)
    reader = open_page()
    reader.goto(shared)
    live(reader)
    scrub(reader, 3)
    expect(reader.locator(MASKED)).to_have_count(21)
    expect(reader.locator("#viewing")).to_contain_text("Viewing step 3")
    expect(page.locator("#step-text")).to_have_text("step 24 / 24")
    choose(reader, 20)
    expect(reader.locator("#inspector .candidate").first).to_be_visible()
    assert reader.locator("#inspector input[type=radio]:not([disabled])").count() == 0
    page.reload()
    expect(page.locator("#step-text")).to_have_text("step 24 / 24")
    reader.locator("#colour").select_option("step")
    expect(reader.locator("main.workspace")).to_have_attribute("data-colour", "step")


def test_every_control_that_changes_something_says_why_it_cannot(
    page: Page, shared: str, open_page: Open
) -> None:
    reader = open_page()
    reader.goto(shared)
    live(reader)
    expect(reader.locator("main.workspace")).to_have_attribute("data-state", "read-only")
    for name in ("run", "forward_pass", "auto_select", "apply_selection", "stop"):
        expect(action(reader, name)).to_have_count(0)  # dead buttons are none
    reader.locator(CELLS).nth(3).focus()
    reader.keyboard.press("r")
    expect(reader.locator("#toasts")).to_contain_text(REASON)
    choose(reader, 3)
    for name in ("Stage token", "Lock", "Remask", "Branch from here", "Rename", "Prune", "Save"):
        assert reader.get_by_role("button", name=name).count() == 0, name
    expect(reader.locator("#settings input[name=top_p]")).to_be_disabled()
    steps = page.locator("#step-text").inner_text()
    for key in ("f", "a", "r", "m", "l", "b", "1", "Control+Enter"):
        reader.locator(CELLS).nth(3).focus()
        reader.keyboard.press(key)
    reader.wait_for_timeout(500)
    assert page.locator("#step-text").inner_text() == steps
    assert page.locator("#staged li").count() == 0
    assert reader.locator("#connection").get_attribute("data-connection") == "live"


def test_branches_are_seen_and_compared(page: Page, shared: str, open_page: Open) -> None:
    run_to_the_end(page)
    scrub(page, 5)
    page.locator("#branch-here").click()
    expect(page.locator("#branches a[data-branch]")).to_have_count(2)
    run_to_the_end(page)
    reader = open_page()
    reader.goto(shared)
    expect(reader.locator("#branches a[data-branch]")).to_have_count(2)
    reader.get_by_role("link", name="Compare").click()
    expect(reader.locator(".side")).to_have_count(2)
    assert reader.locator("#recipe-a").count() == 0
    assert reader.url.startswith(shared)
    reader.locator("#all-steps").fill("0")
    expect(reader.locator(".side").first.locator(".cell.masked")).to_have_count(24)


def test_a_revoked_link_ends_the_page(page: Page, shared: str, open_page: Open) -> None:
    reader = open_page()
    reader.goto(shared)
    live(reader)
    page.get_by_role("link", name="Share").click()
    page.get_by_role("button", name="Revoke a friend").click()
    expect(reader.locator("#connection")).to_have_attribute("data-connection", "gone")
    expect(reader.locator(CELLS).first).to_be_visible()
    answer = reader.goto(shared)
    assert answer is not None
    assert answer.status == 404


def test_a_copy_can_be_worked_on(page: Page, shared: str, open_page: Open) -> None:
    run_to_the_end(page)
    reader = open_page()
    reader.goto(shared)
    reader.get_by_role("button", name="Make a copy").click()
    reader.wait_for_url("**/sessions/*-*/**")
    live(reader)
    assert texts(reader) == texts(page)
    expect(action(reader, "run")).to_have_attribute("aria-disabled", "true")  # complete
    choose(reader, 2)
    reader.get_by_role("button", name="Remask").click()
    expect(reader.locator(MASKED)).to_have_count(1)
    expect(page.locator(MASKED)).to_have_count(0)


@pytest.fixture(scope="module")
def staged(keep: Callable[..., Kept]) -> tuple[Kept, str]:
    """A session with something staged on a forward pass, and the link by which it is read."""
    links: list[str] = []

    def stage(page: Page) -> None:
        start_example(page)
        forward(page)
        links.append(make_link(page))
        action(page, "auto_select").click()
        expect(page.locator("#staged li")).not_to_have_count(0)

    return keep(stage), links[0]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_axe_finds_nothing_and_nothing_scrolls_sideways(
    staged: tuple[Kept, str], open_page: Open, scheme: Any, width: int
) -> None:
    kept, address = staged
    reader = open_page(width=width, color_scheme=scheme, bypass_csp=True)
    reader.goto(address)
    live(reader)
    choose(reader, 1)
    found = violations(reader)
    assert found == [], json.dumps(found)[:2000]
    assert reader.evaluate("document.documentElement.scrollWidth") <= width
    owner = open_page(width=width, color_scheme=scheme, storage_state=kept.state, bypass_csp=True)
    owner.goto(kept.url.split("?")[0] + "share/")
    owner.get_by_role("button", name="Make a link").click()
    assert violations(owner) == []
    assert owner.evaluate("document.documentElement.scrollWidth") <= width

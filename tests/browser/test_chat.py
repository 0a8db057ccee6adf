"""Chat in a browser: an answer forms while one looks, whatever happens to the page meanwhile."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import violations
from tests.servers import Site

pytestmark = pytest.mark.timeout(200)
LIVE = "[data-live]"
MASKS = f"{LIVE} .live-cells .m"
LOOK = """() => {
  window.seen = new Set();
  const look = () => {
    const live = document.querySelector('[data-live]');
    if (live) window.seen.add(live.textContent);
  };
  new MutationObserver(look).observe(document.querySelector('#line'),
    { subtree: true, childList: true, characterData: true });
}"""


def begin(page: Page, text: str = "once upon a time") -> None:
    """A conversation on the slow model, its first answer in the making."""
    page.goto("/chat/?model=slow")
    page.locator("#id_message").fill(text)
    page.get_by_role("button", name="Send").click()
    page.wait_for_url(re.compile(r"/chat/[0-9a-f-]{36}/"))
    live(page)


def live(page: Page) -> None:
    expect(page.locator("#chat-connection")).to_have_attribute("data-connection", "live")


def ended(page: Page) -> None:
    newest = page.locator(".turn-assistant").last
    expect(newest).to_have_attribute("data-status", "done", timeout=90_000)


def test_an_answer_forms_in_place(page: Page) -> None:
    begin(page)
    page.evaluate(LOOK)
    expect(page.locator(MASKS).first).to_be_visible()
    ended(page)
    assert page.evaluate("window.seen.size") >= 5
    expect(page.locator(".turn-assistant .bubble")).not_to_be_empty()
    expect(page.locator(".turn-assistant")).to_contain_text("tokens/s")
    expect(page.locator(".meter")).to_contain_text("tokens")
    assert violations(page) == []


def test_a_reload_in_the_middle_shows_everything_so_far(page: Page, house: Site) -> None:
    begin(page)
    expect(page.locator(f"{LIVE} .live-cells span:not(.m)").nth(3)).to_be_attached()
    before = page.locator(f"{LIVE} .live-cells span:not(.m)").count()
    page.reload()
    live(page)
    expect(page.locator(f"{LIVE} .live-cells span:not(.m)").nth(before - 1)).to_be_attached()
    other = page.context.new_page()
    other.goto(page.url)
    expect(other.locator(f"{LIVE} .live-cells span:not(.m)").nth(before - 1)).to_be_attached()
    other.locator("[data-stop]").click()
    for one in (page, other):
        expect(one.locator(LIVE)).to_have_count(0)
        expect(one.locator(".turn-assistant")).to_have_attribute("data-status", "stopped")
    kept = page.locator(".turn-assistant [data-raw]").get_attribute("data-raw")
    assert kept
    page.get_by_role("button", name="Continue").click()
    ended(page)
    whole = page.locator(".turn-assistant [data-raw]").get_attribute("data-raw")
    assert whole is not None
    assert whole.startswith(kept)
    assert len(whole) > len(kept)
    count = "from visualizer.models import Generation; print(Generation.objects.count())"
    assert house.run(count) >= 2


def test_offline_in_the_middle(page: Page) -> None:
    begin(page)
    expect(page.locator(MASKS).first).to_be_visible()
    page.context.set_offline(True)
    page.wait_for_timeout(3000)
    page.context.set_offline(False)
    ended(page)
    expect(page.locator(".turn-assistant")).to_have_count(1)


def test_keys_alone_and_the_rule_for_two_sends(page: Page) -> None:
    begin(page)
    composer = page.locator("#id_message")
    composer.fill("and then")
    expect(page.locator("#busy-rule")).to_be_visible()
    composer.press("Enter")
    expect(page.locator(".toast-error")).to_contain_text("An answer is being written")
    composer.press("Escape")
    expect(page.locator(LIVE)).to_have_count(0)
    composer.press("Enter")
    expect(page.locator(".turn-user")).to_have_count(2)
    expect(composer).to_have_value("")
    composer.press("Escape")
    expect(page.locator(LIVE)).to_have_count(0)


def test_editing_makes_a_branch_and_arrows_lead_back(page: Page) -> None:
    begin(page, "hello")
    page.keyboard.press("Escape")
    expect(page.locator(LIVE)).to_have_count(0)
    turn = page.locator(".turn-user")
    turn.locator("summary").click()
    turn.locator("textarea").fill("goodbye")
    turn.get_by_role("button", name="Send as another version").click()
    expect(page.locator(".turn-user")).to_contain_text("2/2")
    expect(page.locator(".turn-user .bubble")).to_have_text("goodbye")
    page.get_by_role("button", name="Previous version").click()
    expect(page.locator(".turn-user .bubble")).to_have_text("hello")
    expect(page.locator(".turn-user")).to_contain_text("1/2")
    page.get_by_role("button", name="Next version").click()
    expect(page.locator(".turn-user .bubble")).to_have_text("goodbye")


def test_hostile_text_is_text_and_copied_as_written(page: Page) -> None:
    hostile = '<img src=x onerror="window.hacked=1"> **bold**'
    begin(page, hostile)
    expect(page.locator(".turn-user .bubble strong")).to_have_text("bold")
    assert page.evaluate("window.hacked") is None
    assert page.locator(".turn-user [data-raw]").get_attribute("data-raw") == hostile
    page.keyboard.press("Escape")


def test_a_phone_has_room(open_page: Any) -> None:
    page = open_page(width=360, height=640)
    begin(page, "hello")
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= 360
    expect(page.locator("#send")).to_be_in_viewport()
    page.keyboard.press("Escape")

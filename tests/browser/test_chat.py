"""Chat in a browser: an answer forms while one looks, whatever happens to the page meanwhile."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

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


def begin(page: Page, text: str = "once upon a time", model: str = "slow") -> None:
    """A conversation, by default on the slow model, its first answer in the making."""
    page.goto(f"/chat/?model={model}")
    page.locator("#id_message").fill(text)
    page.get_by_role("button", name="Send").click()
    page.wait_for_url(re.compile(r"/chat/[0-9a-f-]{36}/"))
    live(page)


def live(page: Page) -> None:
    expect(page.locator("#chat-connection")).to_have_attribute("data-connection", "live")


def ended(page: Page) -> None:
    newest = page.locator(".turn-assistant").last
    expect(newest).to_have_attribute("data-status", "done", timeout=150_000)


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
    begin(page, "once upon a tree")  # not what the cache knows of another test
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
    turn.get_by_role("button", name="Send as another version").press("Enter")
    expect(page.locator(".turn-user")).to_contain_text("2/2")
    expect(page.locator(".turn-user .bubble")).to_have_text("goodbye")
    expect(page.locator(".turn-user")).to_be_focused()
    page.get_by_role("button", name="Previous version").press("Enter")
    expect(page.locator(".turn-user .bubble")).to_have_text("hello")
    expect(page.locator(".turn-user")).to_contain_text("1/2")
    expect(page.locator(".turn-user")).to_be_focused()
    page.get_by_role("button", name="Next version").click()
    expect(page.locator(".turn-user .bubble")).to_have_text("goodbye")


def test_another_token_of_an_answer_makes_a_branch(page: Page) -> None:
    begin(page, "The", model="characters")
    ended(page)
    answer = page.locator(".turn-assistant")
    first = answer.locator("[data-raw]").get_attribute("data-raw")
    answer.get_by_text("Alternatives", exact=True).click()
    token = answer.locator(".answer-tokens .token").nth(2)
    token.hover()
    expect(answer.locator(".likely")).to_have_text(token.get_attribute("data-likely") or "none")
    token.click()
    letter = page.locator("code", has_text=re.compile(r"^[a-z]$"))
    other = answer.locator("[data-alternatives] button:enabled").filter(has=letter).first
    chosen = other.locator("code").inner_text()
    other.click()
    expect(answer).to_contain_text("2/2")
    ended(page)
    second = answer.locator("[data-raw]").get_attribute("data-raw")
    assert first is not None
    assert second is not None
    assert second[:2] == first[:2]
    assert second[2] == chosen != first[2]
    page.get_by_role("button", name="Previous version").click()
    expect(answer.locator("[data-raw]")).to_have_attribute("data-raw", first)


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


def test_offline_for_ten_seconds_costs_nothing(page: Page, house: Site) -> None:
    begin(page)
    expect(page.locator(MASKS).first).to_be_visible()
    page.context.set_offline(True)
    expect(page.locator("#chat-connection")).to_have_attribute("data-connection", "offline")
    page.wait_for_timeout(10_000)
    page.context.set_offline(False)
    live(page)
    ended(page)
    told = page.locator(".turn-assistant [data-raw]").get_attribute("data-raw")
    id = page.locator(".turn-assistant").get_attribute("data-message")
    code = f"from playground.models import Message; m = Message.objects.get(pk={id})"
    assert house.run(f"{code}; import json; print(json.dumps(m.text))") == told
    expect(page.locator(".turn-assistant")).to_have_count(1)


def test_a_tab_in_the_background_has_the_whole_when_it_is_looked_at(page: Page) -> None:
    begin(page)
    expect(page.locator(MASKS).first).to_be_visible()
    front = page.context.new_page()
    front.goto("about:blank")
    front.bring_to_front()
    front.wait_for_timeout(3000)
    page.bring_to_front()
    live(page)
    ended(page)
    expect(page.locator(LIVE)).to_have_count(0)
    expect(page.locator(".turn-assistant .bubble")).not_to_be_empty()


def test_how_an_answer_formed_can_be_scrubbed(page: Page) -> None:
    begin(page, "hello")
    expect(page.locator(f"{LIVE} .live-cells span:not(.m)").nth(2)).to_be_attached()
    page.keyboard.press("Escape")
    expect(page.locator(LIVE)).to_have_count(0)
    turn = page.locator(".turn-assistant")
    turn.get_by_text("How it formed").click()
    scrubber = turn.get_by_role("slider", name="Step")
    last = int(scrubber.get_attribute("max") or 0)
    assert last >= 3
    masked = turn.locator(".forming-canvas .m")
    at_the_end = masked.count()
    scrubber.fill("0")
    assert masked.count() == at_the_end + last
    scrubber.press("ArrowRight")
    assert masked.count() == at_the_end + last - 1
    turn.get_by_role("button", name="Play").click()
    expect(turn.get_by_text(f"step {last} / {last}")).to_be_visible()
    assert violations(page) == []
    turn.get_by_role("link", name="Open in the workspace").click()
    page.wait_for_url("**/sessions/*-*/**")


LONG = """
from playground.models import Conversation, Message
found = Conversation.objects.get(pk="{id}")
parent = found.head
for n in range(1000):
    role = ("user", "assistant")[n % 2]
    text = f"turn {{n}} of a long talk"
    parent = Message.objects.create(conversation=found, parent=parent, role=role, text=text,
                                    html=f"<p>{{text}}</p>")
Conversation.objects.filter(pk=found.pk).update(head=parent)
print(1)
"""


def turn(page: Page, number: int) -> Locator:
    """What is read of a turn: the form that edits it holds the same words."""
    words = re.compile(rf"^turn {number} of a long talk$")
    return page.get_by_role("paragraph").filter(has_text=words)


def test_a_thousand_turns_open_at_their_end_and_older_ones_come_on_scroll(
    page: Page, house: Site
) -> None:
    begin(page, "hello")
    page.keyboard.press("Escape")
    expect(page.locator(LIVE)).to_have_count(0)
    house.run(LONG.format(id=page.url.rstrip("/").rpartition("/")[2]))
    page.reload()
    live(page)
    expect(turn(page, 999)).to_be_in_viewport()
    expect(page.locator(".turn")).to_have_count(60)
    reading = turn(page, 940)
    page.evaluate("document.querySelector('#line').scrollTop = 0")
    expect(page.locator(".turn")).to_have_count(120)
    expect(turn(page, 880)).to_be_attached()
    expect(reading).to_be_in_viewport()  # what one reads stays where it is
    page.locator("#id_message").fill("and now")
    page.locator("#id_message").press("Enter")
    expect(page.locator(LIVE)).to_have_count(1)
    expect(page.locator(".turn")).to_have_count(122)  # nothing that was loaded is gone
    page.keyboard.press("Escape")
    expect(page.locator(LIVE)).to_have_count(0)


def test_a_link_to_write_in_is_a_page_one_writes_on(page: Page, open_page: Any) -> None:
    begin(page, "hello")
    page.keyboard.press("Escape")
    expect(page.locator(LIVE)).to_have_count(0)
    page.goto(f"{page.url}share/")
    page.get_by_label("They may also write").check()
    page.get_by_role("button", name="Make a link").click()
    address = page.locator("#address").input_value()
    other = open_page()
    other.goto(address)
    live(other)
    wide = other.evaluate("document.querySelector('#line').clientWidth / window.innerWidth")
    assert wide > 0.9  # the column of the owner's list is not kept free
    other.locator("#id_message").fill("from a friend")
    other.locator("#id_message").press("Enter")
    expect(other.locator(".turn-user")).to_have_count(2)
    expect(other.locator(MASKS).first).to_be_visible()
    other.keyboard.press("Escape")
    expect(other.locator(LIVE)).to_have_count(0)
    assert violations(other) == []  # not before: new tokens of a running answer fade in

"""A page that is far behind is sent a snapshot, which shows the head's branch and no other."""

from __future__ import annotations

import json
import re

from playwright.sync_api import Page, WebSocket, expect

from core.sockets.follower import WINDOW
from tests.browser.steps import action, live, run_to_the_end, scrub, start_example
from tests.servers import Site

FLOOD = """
from django.db import transaction
from inference.events import gathered, publish
from visualizer.models import Session
from visualizer.selectors.event_payloads import session_payload
from visualizer.selectors.history import StateRef, head_of
from visualizer.services.heads import set_head
session = Session.objects.get(pk={id!r})
with transaction.atomic():
    with gathered():
        for _ in range({count}):
            publish(session.stream_id, "session", session_payload(session))
        set_head(session=session, ref=StateRef(head_of(session).branch, 2))
print(1)
"""


def asked(page: Page) -> list[str]:
    """The types of what the page sends from its next socket on."""
    types: list[str] = []

    def connected(socket: WebSocket) -> None:
        socket.on("framesent", lambda frame: types.append(json.loads(frame)["type"]))

    page.on("websocket", connected)
    return types


def test_a_page_on_another_branch_catches_up(page: Page, house: Site) -> None:
    start_example(page)
    run_to_the_end(page)
    scrub(page, 3)
    page.locator("#branch-here").click()
    expect(page.locator("#branches a[data-branch]")).to_have_count(2)
    types = asked(page)
    page.locator("#branches a[data-branch]").first.click()
    live(page)
    scrub(page, 5)
    words = page.locator("#viewing-text")
    expect(words).to_contain_text("The latest work is on branch 1, step 3")
    found = re.search(r"/sessions/([0-9a-f-]+)/", page.url)
    assert found
    house.run(FLOOD.format(id=found.group(1), count=WINDOW + 1))
    expect(words).to_contain_text("The latest work is on branch 1, step 2")
    other = page.context.new_page()
    other.goto(page.url.split("?")[0])
    live(other)
    action(other, "forward_pass").click()
    expect(action(other, "auto_select")).not_to_have_attribute("aria-disabled", "true")
    action(other, "auto_select").click()
    action(other, "apply_selection").click()
    expect(words).to_contain_text("The latest work is on branch 2, step 3")
    expect(page.locator("#branch-name")).to_have_text("main")
    expect(page.locator("#step-text")).to_have_text("step 5 / 24")
    assert "resume" not in types


def test_a_page_at_the_head_is_loaded_anew_with_its_panels(page: Page, house: Site) -> None:
    start_example(page)
    run_to_the_end(page)
    found = re.search(r"/sessions/([0-9a-f-]+)/", page.url)
    assert found
    rename = FLOOD.replace("print(1)", "session.title = 'another title'; session.save(); print(1)")
    house.run(rename.format(id=found.group(1), count=WINDOW + 1))
    expect(page).to_have_title(re.compile("another title"))  # no event told of it
    expect(page.locator("#step-text")).to_contain_text("step 2 /")
    live(page)

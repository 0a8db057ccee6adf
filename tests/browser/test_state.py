"""The client's reducer: an old snapshot and the later events give what a fresh page is given."""

from __future__ import annotations

import json
from typing import Any

from playwright.sync_api import Page, WebSocket, expect

from tests.browser.steps import (
    action,
    apply_staged,
    choose,
    forward,
    live,
    run_to_the_end,
    scrub,
    soon,
    stage_candidate,
    start_example,
)

FOLD = """async ([first, events, fresh]) => {
  const { canvasAt, fromSnapshot, reduce, tip } = await import("/static/js/state.js");
  const told = (state) => ({
    number: state.number, path: state.path, head: state.head, run: state.run,
    staged: state.staged.selections, title: state.session.title, tip: tip(state),
    branches: [...state.branches.values()].map(({ id, parent, fork_number, steps }) =>
      [id, parent, fork_number, steps]),
    heat: [...state.heat].sort((a, b) => a[0] - b[0]),
    canvases: Array.from({ length: tip(state) + 1 }, (_, number) => canvasAt(state, number)),
  });
  const folded = fromSnapshot(first);
  const odd = events.flatMap((event) => reduce(folded, event)).filter((word) => word === "gap");
  return [told(folded), told(fromSnapshot(fresh)), odd];
}"""


def listen(page: Page) -> list[dict[str, Any]]:
    """The events that the page's socket brings, as they come."""
    events: list[dict[str, Any]] = []

    def keep(frame: str | bytes) -> None:
        if isinstance(frame, str) and frame.startswith('{"t":"event"'):
            events.append(json.loads(frame))

    def connected(socket: WebSocket) -> None:
        socket.on("framereceived", keep)

    page.on("websocket", connected)
    return events


def snapshot_of(page: Page) -> Any:
    address = page.locator("main.workspace").get_attribute("data-snapshot")
    return page.evaluate("async (url) => (await (await fetch(url)).json()).snapshot", address)


def test_old_snapshot_and_events_give_the_new_snapshot(page: Page) -> None:
    events = listen(page)
    start_example(page)
    first = snapshot_of(page)
    forward(page)
    choose(page, 3)
    stage_candidate(page, 2)
    expect(page.locator("#staged li")).to_have_count(1)
    apply_staged(page, 1)
    choose(page, 3)
    page.get_by_role("button", name="Remask").click()
    expect(page.locator("#step-text")).to_have_text("step 2 / 2")
    run_to_the_end(page)
    scrub(page, 2)
    page.locator("#branch-here").click()
    expect(page.locator("#branches a[data-branch]")).to_have_count(2)
    forward(page)
    action(page, "auto_select").click()
    expect(page.locator("#staged li")).not_to_have_count(0)
    page.goto(page.url.split("?")[0])
    live(page)
    folded, fresh, gaps = page.evaluate(FOLD, [first, events, snapshot_of(page)])
    assert gaps == []
    assert folded == fresh


def ended(events: list[dict[str, Any]]) -> int:
    """How many runs have come to their end."""
    runs = (event["payload"] for event in events if event["type"] == "run")
    return len({run["id"] for run in runs if run["status"] == "done"})


def heads(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [event["payload"] for event in events if event["type"] == "head"]


def test_runs_that_are_compared_leave_an_open_page_where_it_is(page: Page) -> None:
    events = listen(page)
    start_example(page)
    first = snapshot_of(page)
    run_to_the_end(page)
    other = page.context.new_page()
    other.goto(page.url.split("?")[0] + "compare/")
    other.get_by_role("button", name="Run them").click()  # from step 0, where the head goes
    soon(page, lambda: ended(events), 4, seconds=60)
    expect(page.locator("#branches a[data-branch]")).to_have_count(4)
    expect(page.locator("#branch-name")).to_have_text("main")
    expect(page.locator("#step-text")).to_have_text("step 0 / 24")
    other.goto(page.url.split("?")[0])
    folded, fresh, gaps = page.evaluate(FOLD, [first, events, snapshot_of(other)])
    assert gaps == []
    assert folded == fresh
    scrub(page, 2)
    action(page, "forward_pass").click()  # goes to the shown step first: the head is elsewhere
    soon(page, lambda: heads(events)[-1], {"branch": first["head"]["branch"], "number": 2})

"""A follower passes every event on once and in order, whatever happens to the bells."""

from __future__ import annotations

import random
from typing import Any
from uuid import uuid4

import pytest
from channels.testing import WebsocketCommunicator
from django.contrib.auth.models import User

from accounts.seats import SEATS
from core.sockets import database
from core.sockets.follower import WINDOW, Follower
from core.sockets.replies import Replies
from inference.events import Backlog, Event
from inference.models import ModelEntry
from visualizer.consumers import database as visualizer_database
from visualizer.consumers.api import ApiConsumer
from visualizer.consumers.page import PageConsumer
from visualizer.models import Command, Session


class Table:
    """The rows of one stream, and what a client was sent."""

    def __init__(self) -> None:
        self.stream = uuid4()
        self.rows: list[Event] = []
        self.seen: list[int] = []
        self.snapshots: list[int] = []

    def add(self, count: int = 1) -> Event:
        for _ in range(count):
            number = self.rows[-1].number + 1 if self.rows else 1
            self.rows.append(Event(str(self.stream), number, "step", {}))
        return self.rows[-1]

    async def since(self, stream: Any, number: int, limit: int) -> Backlog:
        found = [row for row in self.rows if row.number > number][:limit]
        gone = bool(found) and found[0].number > number + 1
        return Backlog(found, gone)

    async def snapshot(self) -> dict[str, Any]:
        return {"t": "snapshot", "number": self.rows[-1].number}

    async def on_event(self, event: Event) -> None:
        self.seen.append(event.number)

    async def on_snapshot(self, snapshot: dict[str, Any]) -> None:
        self.snapshots.append(snapshot["number"])


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Table:
    table = Table()
    monkeypatch.setattr(database, "events_since", table.since)
    return table


@pytest.fixture
def follower(table: Table) -> Follower:
    return Follower(table.stream, table.on_event, table.on_snapshot, table.snapshot)


@pytest.mark.parametrize("seed", range(20))
async def test_bells_may_be_lost_repeated_and_out_of_order(
    table: Table, follower: Follower, seed: int
) -> None:
    dice = random.Random(seed)
    await follower.start(0)
    bells: list[Event] = []
    for _ in range(200):
        bells += [table.add()] * dice.choice((0, 1, 1, 2))
        if bells and dice.random() < 0.7:
            await follower.hear(bells.pop(dice.randrange(len(bells))))
    await follower.catch_up()
    assert table.seen == list(range(1, 201))


async def test_who_resumes_gets_what_came_after(table: Table, follower: Follower) -> None:
    table.add(10)
    await follower.start(7)
    assert table.seen == [8, 9, 10]


async def test_who_starts_gets_a_snapshot(table: Table, follower: Follower) -> None:
    table.add(10)
    await follower.start(None)
    await follower.hear(table.add())
    assert (table.snapshots, table.seen) == ([10], [11])


async def test_who_missed_what_has_been_pruned_gets_a_snapshot(
    table: Table, follower: Follower
) -> None:
    table.add(10)
    del table.rows[:5]
    await follower.start(3)
    assert (table.snapshots, table.seen) == ([10], [])
    await follower.hear(table.add())
    assert table.seen == [11]


async def test_who_is_far_behind_gets_a_snapshot(table: Table, follower: Follower) -> None:
    table.add(WINDOW + 1)
    await follower.start(0)
    assert (table.snapshots, table.seen) == ([WINDOW + 1], [])


async def test_a_window_is_not_too_far(table: Table, follower: Follower) -> None:
    table.add(WINDOW)
    await follower.start(0)
    assert table.seen == list(range(1, WINDOW + 1))


async def test_who_acknowledges_is_never_run_over(table: Table, follower: Follower) -> None:
    await follower.start(0)
    await follower.hear(table.add())
    await follower.acknowledge(1)
    for _ in range(WINDOW + 100):
        await follower.hear(table.add())
    assert table.seen[-1] == WINDOW + 1
    await follower.acknowledge(table.seen[-1])
    assert table.seen == list(range(1, WINDOW + 102))


async def test_an_answer_may_come_before_anybody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    async def stored(command: Command) -> str:
        return f"stored {command.pk}"

    monkeypatch.setattr(database, "reply_of", stored)
    replies = Replies()
    replies.hear("visualizer.command:5", "inline")
    assert await replies.wait(Command(pk=5)) == "stored 5"


async def test_a_lost_bell_costs_a_second_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    replies = iter(["", "late"])

    async def stored(command: Command) -> str:
        return next(replies)

    monkeypatch.setattr(database, "reply_of", stored)
    monkeypatch.setattr("core.sockets.replies.POLL_SECONDS", 0.01)
    assert await Replies().wait(Command(pk=7)) == "late"


async def test_a_page_hears_of_its_own_model_only(monkeypatch: pytest.MonkeyPatch) -> None:
    page, told = PageConsumer(), list[str]()
    monkeypatch.setattr(page.partials, "want", lambda type, payload: told.append(type))
    await page.model_bell({"type": "model.bell", "slug": "mine"})  # before it has a session
    page.session = page.target = Session(model=ModelEntry(slug="mine"))
    await page.model_bell({"type": "model.bell", "slug": "mine"})
    await page.model_bell({"type": "model.bell", "slug": "other"})
    assert told == ["model"]


async def test_who_waits_for_a_model_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    socket, sent = ApiConsumer(), list[dict[str, Any]]()
    socket.model, socket.status = None, {}
    loaded = [False]

    async def status(slug: str | None) -> dict[str, Any]:
        return {"type": "model_status", "is_loaded": loaded[0], "model_path": slug}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    monkeypatch.setattr(visualizer_database, "model_status", status)
    monkeypatch.setattr(socket, "_send", send)
    bell = {"type": "model.bell", "slug": "mine"}
    for loaded[0] in (False, False, True, True):
        await socket.model_bell(bell)
    assert [message["is_loaded"] for message in sent] == [False, True]


async def test_a_socket_that_fails_gives_its_seat_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Channels tells a consumer that its client is gone only where nothing failed before."""

    async def broken(*_: Any) -> bool:
        raise OSError("the database is away")

    monkeypatch.setattr(database, "allowed", broken)
    scope = {"type": "websocket", "path": "/ws", "headers": [], "user": User(pk=77)}
    socket = WebsocketCommunicator(ApiConsumer.as_asgi(), "/ws")
    socket.scope.update(scope)
    before = SEATS.open
    await socket.connect()
    with pytest.raises(OSError, match="away"):
        await socket.receive_output()
    assert SEATS.open == before


async def test_a_bell_that_fails_is_not_the_end_of_the_socket(
    follower: Follower, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: Any) -> None:
        raise OSError("the database is away")

    socket = ApiConsumer()
    socket.follower = follower
    monkeypatch.setattr(database, "events_since", broken)
    table.add()
    await socket.bell({"events": [table.add()._asdict()]})
    monkeypatch.setattr(database, "events_since", table.since)
    await follower.catch_up()  # as every tick does
    assert table.seen == [1, 2]

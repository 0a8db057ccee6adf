"""A socket of an app that is not the visualizer: answers, events, lost bells, slow readers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.contrib.auth.models import User

from core.sockets import consumer, database, follower, threads
from core.sockets.threads import Shares, in_lane
from inference import events
from tests.core.errands.consumer import ErrandConsumer
from tests.core.errands.models import Errand

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def welcome(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is asking is the accounts' own business."""
    monkeypatch.setattr(database, "still_allowed", lambda scope: True)


@asynccontextmanager
async def connected(user: User) -> AsyncIterator[WebsocketCommunicator]:
    socket = WebsocketCommunicator(ErrandConsumer.as_asgi(), "/ws/errands")
    socket.scope["user"] = user
    accepted, _ = await socket.connect()
    assert accepted
    try:
        yield socket
    finally:
        await socket.disconnect()


async def ask(socket: WebsocketCommunicator, **message: Any) -> None:
    await socket.send_to(text_data=json.dumps(message))


async def frames(socket: WebsocketCommunicator, count: int) -> list[dict[str, Any]]:
    return [json.loads(await socket.receive_from(timeout=5)) for _ in range(count)]


async def test_a_command_is_answered_and_told(owner: User, errand: Errand) -> None:
    async with connected(owner) as socket:
        await ask(socket, type="note", thing="milk", request_id="a")
        found = await frames(socket, 2)
    reply = next(frame for frame in found if frame["type"] == "noted")
    event = next(frame for frame in found if frame["type"] == "event")
    assert (reply["things"], reply["request_id"]) == (["milk"], "a")
    assert (event["number"], event["payload"]) == (1, {"thing": "milk"})


async def test_a_lost_bell_costs_a_tick_and_no_event(
    owner: User, errand: Errand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer, "TICK_SECONDS", 0.05)
    async with connected(owner) as socket:
        monkeypatch.setattr(events, "send_all", lambda bells: None)
        await ask(socket, type="note", thing="milk")
        await ask(socket, type="note", thing="bread")
        found = await frames(socket, 4)
    assert [frame["number"] for frame in found if frame["type"] == "event"] == [1, 2]


async def test_a_slow_reader_is_never_run_over(
    owner: User, errand: Errand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follower, "WINDOW", 2)
    async with connected(owner) as socket:
        await ask(socket, type="note", thing="first")
        await frames(socket, 2)
        await ask(socket, type="ack", number=1)
        for thing in ("a", "b", "c"):
            await ask(socket, type="note", thing=thing)
        found = await frames(socket, 5)
        assert [f["number"] for f in found if f["type"] == "event"] == [2, 3]
        assert await socket.receive_nothing(timeout=0.3)
        await ask(socket, type="ack", number=3)
        assert [f["number"] for f in await frames(socket, 1)] == [4]


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"type": "nobody"}', '{"type": "note"}', '{"type": "note", "thing": 5}',
     '{"type": "note", "thing": "x", "more": 1}', '{"type": "ack", "number": true}'],
)  # fmt: skip
async def test_what_is_malformed_is_answered(owner: User, errand: Errand, text: str) -> None:
    async with connected(owner) as socket:
        await socket.send_to(text_data=text or " ")
        refused = (await frames(socket, 1))[0]
        assert refused["error_type"] == "validation"
        await ask(socket, type="note", thing="milk")
        assert len(await frames(socket, 2)) == 2


async def test_strangers_commands_reach_nothing(
    owner: User, stranger: User, errand: Errand
) -> None:
    other = await sync_to_async(_errand_of)(stranger)
    async with connected(stranger) as socket:
        await ask(socket, type="note", thing="milk", errand=errand.pk)
        assert (await frames(socket, 1))[0]["error_type"] == "not_found"
    await errand.arefresh_from_db()
    assert (errand.things, other.things) == ([], [])


def _errand_of(user: User) -> Errand:
    from inference.models import Stream

    return Errand.objects.create(owner=user, stream=Stream.objects.create())


async def test_one_user_s_slow_commands_leave_threads_to_others() -> None:
    """However many commands of one user take long, others get theirs and events go on."""
    gate = asyncio.Event()
    shares, running = Shares(), []

    async def slow(name: str) -> None:
        async with shares.of(name):
            running.append(name)
            await gate.wait()

    greedy = [asyncio.create_task(slow("greedy")) for _ in range(20)]
    modest = asyncio.create_task(slow("modest"))
    await asyncio.sleep(0.01)
    assert running.count("greedy") == threads.SHARE < threads.COMMANDS._max_workers
    assert "modest" in running
    gate.set()
    await asyncio.gather(*greedy, modest)


async def test_events_do_not_wait_behind_commands() -> None:
    import threading

    gate = threading.Event()

    @in_lane(threads.COMMANDS)
    def stuck() -> None:
        gate.wait(10)

    @in_lane(threads.EVENTS)
    def quick() -> int:
        return 1

    held = [asyncio.ensure_future(stuck()) for _ in range(threads.COMMANDS._max_workers + 2)]
    try:
        assert await asyncio.wait_for(quick(), 5) == 1
    finally:
        gate.set()
        await asyncio.gather(*held)

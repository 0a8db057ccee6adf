"""Sockets of trainings: the whole first, every event after it, commands, and readers by link."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.contrib.auth.models import User

from core.links import revoke
from core.sockets import database
from playground.training.consumers.reader import LinkConsumer
from playground.training.consumers.watch import WatchConsumer
from playground.training.models import Training
from playground.training.services import links
from tests.playground.training.working import work_off

pytestmark = pytest.mark.django_db(transaction=True)
Begin = Callable[..., Training]


@pytest.fixture(autouse=True)
def welcome(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is asking is the accounts' own business."""
    monkeypatch.setattr(database, "still_allowed", lambda scope: True)


@asynccontextmanager
async def connected(
    consumer: Any, user: User | None = None, **kwargs: str
) -> AsyncIterator[WebsocketCommunicator]:
    socket = WebsocketCommunicator(consumer.as_asgi(), "/ws/")
    socket.scope |= {"user": user, "url_route": {"kwargs": kwargs}, "client": ("127.0.0.1", 1)}
    accepted, _ = await socket.connect()
    assert accepted
    try:
        yield socket
    finally:
        await socket.disconnect()


async def frame(socket: WebsocketCommunicator) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(await socket.receive_from(timeout=10))
    return told if told["type"] != "heartbeat" else await frame(socket)


async def until(socket: WebsocketCommunicator, **wanted: Any) -> list[dict[str, Any]]:
    """Frames to the first that has these values."""
    found = [await frame(socket)]
    while any(found[-1].get(key) != value for key, value in wanted.items()):
        found.append(await frame(socket))
    return found


async def test_a_watcher_has_the_whole_and_then_every_point(begin: Begin, owner: User) -> None:
    training = await sync_to_async(begin)(steps=12)
    async with connected(WatchConsumer, owner, training_id=str(training.pk)) as socket:
        whole = await frame(socket)
        assert (whole["type"], whole["points"]) == ("whole", [])
        await sync_to_async(work_off)()
        number, steps = whole["number"], []
        while True:
            told = await frame(socket)
            number += 1
            assert told["number"] == number
            steps += [point["step"] for point in told.get("points", [])]
            if told["status"]["state"] == "done":
                break
    assert steps == list(range(1, 13))
    async with connected(WatchConsumer, owner, training_id=str(training.pk)) as late:
        again = await frame(late)
    assert [point["step"] for point in again["points"]] == steps
    assert [moment["step"] for moment in again["moments"]] == list(range(13))


async def test_commands_are_about_the_socket_s_own_training(begin: Begin, owner: User) -> None:
    training = await sync_to_async(begin)()
    async with connected(WatchConsumer, owner, training_id=str(training.pk)) as socket:
        await frame(socket)
        await socket.send_to(text_data=json.dumps({"type": "pause", "request_id": "a"}))
        reply = (await until(socket, request_id="a"))[-1]
        assert reply["status"]["state"] == "paused"
        await socket.send_to(text_data=json.dumps({"type": "extend", "steps": "many"}))
        refused = (await until(socket, type="error"))[-1]
    assert (refused["error_type"], refused["field"]) == ("validation", "steps")


@pytest.mark.parametrize("id", ["own", "nonsense", "00000000-0000-4000-8000-000000000000"])
async def test_strangers_are_sent_away(begin: Begin, stranger: User, id: str) -> None:
    training = await sync_to_async(begin)()
    named = str(training.pk) if id == "own" else id
    async with connected(WatchConsumer, stranger, training_id=named) as socket:
        closed = await socket.receive_output(timeout=10)
    assert (closed["type"], closed["code"]) == ("websocket.close", 4404)


async def test_a_reader_watches_and_changes_nothing(begin: Begin) -> None:
    training = await sync_to_async(begin)()
    link, token = await sync_to_async(links.share)(training=training)
    async with connected(LinkConsumer, token=token) as socket:
        assert (await frame(socket))["status"]["id"] == str(training.pk)
        await socket.send_to(text_data=json.dumps({"type": "stop"}))
        refused = (await until(socket, type="error"))[-1]
        assert refused["error_type"] == "auth"
        await socket.send_to(text_data=json.dumps({"type": "ack", "number": 1}))
        await sync_to_async(revoke)(link)
        closed = await socket.receive_output(timeout=10)
        while closed["type"] != "websocket.close":
            closed = await socket.receive_output(timeout=10)
    assert closed["code"] == 4404
    fresh = await Training.objects.aget(pk=training.pk)
    assert not fresh.cancel_requested

"""The broker inside one process: messages are delivered when they are sent, and acknowledged."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from kombu import Connection, Consumer, Queue

from config import broker
from config.broker import Transport

NAME = "tests of the broker"


@pytest.fixture
def connection() -> Iterator[Connection]:
    with Connection("memory://localhost", transport=Transport) as connection:
        yield connection
        connection.default_channel.queue_purge(NAME)


def test_a_message_wakes_whoever_waits_for_one(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broker, "TURN_SECONDS", 20.0)
    heard: list[Any] = []
    with Consumer(connection, Queue(NAME), callbacks=[lambda body, _: heard.append(body)]):
        sender = threading.Timer(0.05, _put, ["hello"])
        sender.start()
        begun = time.monotonic()
        connection.drain_events(timeout=2.0)
        sender.join()
    assert heard == ["hello"]
    assert time.monotonic() - begun < 5


def test_messages_that_lie_there_are_delivered_in_order(connection: Connection) -> None:
    heard: list[Any] = []
    for number in range(3):
        _put(number)
    with Consumer(connection, Queue(NAME), callbacks=[lambda body, _: heard.append(body)]):
        for _ in range(3):
            connection.drain_events(timeout=2.0)
    assert heard == [0, 1, 2]


def test_whoever_acknowledges_a_task_makes_room_for_the_next_at_once(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broker, "TURN_SECONDS", 20.0)
    heard: list[Any] = []
    for number in range(2):
        _put(number)

    def hear(body: Any, message: Any) -> None:
        heard.append(body)
        threading.Timer(0.05, message.ack).start()

    with Consumer(connection, Queue(NAME), callbacks=[hear], prefetch_count=1):
        begun = time.monotonic()
        for _ in range(2):
            connection.drain_events(timeout=2.0)
    assert heard == [0, 1]
    assert time.monotonic() - begun < 5


def test_without_a_message_the_loop_has_its_turn_again(connection: Connection) -> None:
    """A worker's loop looks then whether it is to end."""
    with Consumer(connection, Queue(NAME), callbacks=[lambda *_: None]):
        begun = time.monotonic()
        with pytest.raises(TimeoutError):
            connection.drain_events(timeout=2.0)
    assert time.monotonic() - begun < 2.0


def _put(body: Any) -> None:
    with Connection("memory://localhost", transport=Transport) as other:
        queue = other.SimpleQueue(NAME)
        queue.put(body)
        queue.close()

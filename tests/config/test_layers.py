"""The in-memory layer between threads: quick, complete, harmless when a loop is gone."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from asgiref.sync import async_to_sync

from config.layers import ThreadSafeLayer


async def _listen(layer: ThreadSafeLayer, count: int, started: threading.Event) -> list[float]:
    """Receives `count` messages of the group; the delay of each in seconds."""
    channel = await layer.new_channel()
    await layer.group_add("g", channel)
    delays = []
    loop = asyncio.get_running_loop()
    loop.call_later(0.05, started.set)
    for _ in range(count):
        message = await layer.receive(channel)
        delays.append(time.perf_counter() - message["at"])
    return delays


def _in_thread(work: Callable[[], Coroutine[Any, Any, Any]]) -> tuple[threading.Thread, list[Any]]:
    result: list[Any] = []
    thread = threading.Thread(target=lambda: result.append(asyncio.run(work())), daemon=True)
    thread.start()
    return thread, result


def test_a_message_from_another_thread_arrives_at_once() -> None:
    layer, started = ThreadSafeLayer(), threading.Event()
    thread, result = _in_thread(lambda: _listen(layer, 30, started))
    assert started.wait(5)
    for _ in range(30):
        async_to_sync(layer.group_send)("g", {"type": "x", "at": time.perf_counter()})
        time.sleep(0.01)
    thread.join(10)
    delays = sorted(result[0])
    assert delays[len(delays) // 2] < 0.5


def test_a_burst_from_two_threads_loses_nothing() -> None:
    layer, started = ThreadSafeLayer(), threading.Event()
    thread, result = _in_thread(lambda: _listen(layer, 2000, started))
    assert started.wait(5)

    async def burst() -> None:
        for _ in range(1000):
            await layer.group_send("g", {"type": "x", "at": time.perf_counter()})

    senders = [_in_thread(burst)[0] for _ in range(2)]
    for sender in senders:
        sender.join(30)
    thread.join(30)
    assert len(result[0]) == 2000


def test_sending_after_the_receiving_loop_has_closed_does_not_hang() -> None:
    layer, started = ThreadSafeLayer(), threading.Event()
    thread, _ = _in_thread(lambda: _listen(layer, 0, started))
    thread.join(10)
    thread, result = _in_thread(lambda: _listen(layer, 1, started))
    assert started.wait(5)
    async_to_sync(layer.group_send)("g", {"type": "x", "at": time.perf_counter()})
    thread.join(10)
    assert len(result) == 1


def test_a_group_that_nobody_is_in_wakes_no_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    layer, started = ThreadSafeLayer(), threading.Event()
    thread, result = _in_thread(lambda: _listen(layer, 1, started))
    assert started.wait(5)
    carried: list[Any] = []
    carry = layer._at_home

    async def counted(work: Coroutine[Any, Any, Any]) -> Any:
        carried.append(work)
        return await carry(work)

    monkeypatch.setattr(layer, "_at_home", counted)
    asyncio.run(layer.group_send("other", {"at": 0.0}))
    assert carried == []
    asyncio.run(layer.group_send("g", {"at": time.perf_counter()}))
    thread.join(5)
    assert len(result[0]) == 1


def test_a_bell_from_a_thread_reaches_all_who_are_in_the_group() -> None:
    layer, started = ThreadSafeLayer(), threading.Event()

    async def two() -> list[list[float]]:
        return await asyncio.gather(
            _listen(layer, 3, started), _listen(layer, 3, threading.Event())
        )

    thread, result = _in_thread(two)
    assert started.wait(5)
    message = {"type": "x", "at": time.perf_counter()}
    layer.ring([("g", message), ("nobody", message), ("g", message)])
    layer.ring([("g", message)])
    thread.join(10)
    assert [len(delays) for delays in result[0]] == [3, 3]


def test_a_bell_waits_for_a_receiver_that_has_not_looked_yet() -> None:
    layer = ThreadSafeLayer()

    async def late() -> dict[str, Any]:
        channel = await layer.new_channel()
        await layer.group_add("g", channel)
        layer.ring([("g", {"type": "x"})])
        return await layer.receive(channel)

    assert asyncio.run(late()) == {"type": "x"}


def test_a_bell_after_the_receiving_loop_has_closed_harms_nobody() -> None:
    layer, started = ThreadSafeLayer(), threading.Event()
    thread, _ = _in_thread(lambda: _listen(layer, 1, started))
    assert started.wait(5)
    layer.ring([("g", {"type": "x", "at": 0.0})])
    thread.join(10)
    layer.ring([("g", {"type": "x", "at": 0.0})])  # nobody discarded the channel

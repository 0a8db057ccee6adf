"""From a generation's events to frames: in order, once, nothing lost at the end."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from inference.events import Event
from playground.consumers import relay
from playground.consumers.relay import Relay

Frame = dict[str, Any]
DONE = {"text": "abcd", "finish_reason": "stop", "url": "", "usage": {"completion_tokens": 4}}


class Told:
    """What was sent; `pause` seconds each. `begun` and `arrived` tell of the first."""

    def __init__(self, pause: float = 0.0) -> None:
        self.frames: list[Frame] = []
        self.pause = pause
        self.begun, self.arrived = asyncio.Event(), asyncio.Event()

    async def send(self, frame: Frame) -> None:
        self.begun.set()
        await asyncio.sleep(self.pause)
        self.frames.append(frame)
        self.arrived.set()

    @property
    def text(self) -> str:
        return "".join(frame["token"] for frame in self.frames if frame["type"] == "token")

    @property
    def types(self) -> list[str]:
        return [frame["type"] for frame in self.frames]


async def relayed(told: Told, *events: tuple[str, Frame], prefix: str = "") -> Relay:
    made = Relay(told.send, {"message_id": 1}, prefix)
    for number, (type, payload) in enumerate(events, 1):
        await made._handle(Event("s", number, type, payload))
    return made


def text(*texts: str) -> list[tuple[str, Frame]]:
    return [("text", {"text": one, "offset": 0}) for one in texts]


async def test_what_comes_together_is_one_frame() -> None:
    told = Told()
    await relayed(told, *text("ab", "c", "d"), ("done", DONE))
    assert told.types == ["token", "done"]
    assert told.text == "abcd"


async def test_text_goes_out_although_nothing_follows(monkeypatch: Any) -> None:
    monkeypatch.setattr(relay, "BATCH_SECONDS", 0.0)
    told = Told()
    await relayed(told, *text("ab"))
    await told.arrived.wait()
    assert told.text == "ab"


async def test_the_first_text_waits_for_nothing(monkeypatch: Any) -> None:
    """Nor does any behind a pause; what comes soon after a frame goes out together."""
    monkeypatch.setattr(relay, "BATCH_SECONDS", 3600.0)
    told = Told()
    made = await relayed(told, *text("ab"))
    await asyncio.wait_for(told.arrived.wait(), 10)
    for event in (*text("c", "d"), ("done", DONE)):
        await made._handle(Event("s", 2, *event))
    assert told.types == ["token", "token", "done"]
    assert told.text == "abcd"


@pytest.mark.parametrize("told_before", ["", "ab", "abc"])
async def test_a_snapshot_repeats_nothing(told_before: str, monkeypatch: Any) -> None:
    """It may come in the middle: events are pruned while somebody follows."""
    monkeypatch.setattr(relay, "BATCH_SECONDS", 0.0)
    told = Told()
    made = await relayed(told, *text(told_before))
    if told_before:
        await told.arrived.wait()
    snapshot = {"text": "abc", "number": 9, "status": "running"}
    await made._handle(Event("s", 9, "snapshot", snapshot))
    await made._handle(Event("s", 10, *text("d")[0]))
    await made._handle(Event("s", 11, "done", DONE))
    assert told.text == "abcd"
    offsets = [frame["offset"] for frame in told.frames if frame["type"] == "token"]
    assert offsets == sorted(set(offsets))


async def test_the_end_does_not_overtake_what_is_being_sent(monkeypatch: Any) -> None:
    monkeypatch.setattr(relay, "BATCH_SECONDS", 0.0)
    told = Told(pause=0.02)
    made = await relayed(told, *text("ab"))
    await told.begun.wait()
    for event in (*text("cd"), ("done", DONE)):
        await made._handle(Event("s", 2, *event))
    assert told.types == ["token", "token", "done"]
    assert told.text == "abcd"


async def test_offsets_count_what_stood_before() -> None:
    told = Told()
    await relayed(told, *text("ab"), ("done", DONE), prefix="So ")
    assert told.frames[0]["offset"] == 3
    assert told.frames[-1]["text"] == "So abcd"

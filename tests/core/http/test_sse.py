"""Frames as they go over the wire."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from typing import Any

import pytest

from core.http import sse, stream_log
from core.http.sse import Frame, Frames, encode, guarded, respond
from core.http.stream_log import stream_ended
from inference.errors import UnmaskError

pytestmark = pytest.mark.django_db(transaction=True)  # the end of a stream is kept


async def sent(frames: Frames) -> list[bytes]:
    return [part async for part in respond(frames, "test")]  # type: ignore[union-attr]


def test_a_frame_is_one_line_of_json() -> None:
    text = encode(Frame({"text": "a\nb\r\u2028é"}, "run:3")).decode()
    head, data, *rest = text.split("\n")
    assert (head, rest) == ("id: run:3", ["", ""])
    assert "\r" not in data
    assert json.loads(data.removeprefix("data: ")) == {"text": "a\nb\r\u2028é"}


def test_a_text_goes_as_it_is() -> None:
    assert encode(Frame("[DONE]")) == b"data: [DONE]\n\n"


async def test_a_quiet_stream_is_kept_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter(range(0, 1000, 6))
    monkeypatch.setattr(sse, "time", SimpleNamespace(monotonic=lambda: float(next(now))))

    async def frames() -> Frames:
        for one in (None, None, Frame({"a": 1}), None):
            yield one

    assert await sent(frames()) == [sse.HEARTBEAT, encode(Frame({"a": 1}))]


@pytest.mark.parametrize(
    ("error", "kind"), [(UnmaskError("timeout", "late"), "timeout"), (KeyError(), "generation")]
)
async def test_a_failure_is_the_last_frame(error: Exception, kind: str) -> None:
    async def frames() -> Frames:
        yield Frame({"type": "status"})
        raise error

    *_, last = await sent(guarded(frames()))
    told: dict[str, Any] = json.loads(last.decode().removeprefix("data: "))
    assert (told["type"], told["error_type"]) == ("error", kind)
    assert {"message", "retryable", "correlation_id"} <= told.keys()


async def test_frames_are_closed_when_the_client_goes() -> None:
    closed = []

    async def frames() -> Frames:
        try:
            while True:
                yield Frame({"type": "step"})
        finally:
            closed.append(True)

    ended: list[dict[str, Any]] = []

    def note(sender: Any, signal: Any, **about: Any) -> None:
        ended.append(about)

    stream_ended.connect(note)
    parts: Any = sse._logged(guarded(frames()), ("test", None, ""), "c")
    await anext(parts)
    await parts.aclose()
    await asyncio.gather(*stream_log._tasks)
    stream_ended.disconnect(note)
    assert closed == [True]
    assert [(one["outcome"], one["frames"], one["route"]) for one in ended] == [("left", 1, "test")]

"""Server-sent events: one `data:` line of JSON per frame, `id:` to resume from, heartbeats.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from django.http import StreamingHttpResponse

from core.http.stream_log import StreamLog
from inference.errors import UnmaskError, correlation_id, error_shape, internal_error

log = logging.getLogger(__name__)
HEARTBEAT_SECONDS = 10.0
"""A quiet stream sends a comment this often, so that proxies keep it and a dead peer is noticed."""
HEARTBEAT = b": alive\n\n"
HEADERS = {"Cache-Control": "no-cache, no-store", "X-Accel-Buffering": "no"}


@dataclass(frozen=True, slots=True)
class Frame:
    """`data` as JSON on one line, or as it is if it is text; `id`: what a client resumes from."""

    data: dict[str, Any] | str
    id: str = ""


Frames = AsyncGenerator[Frame | None]
"""Frames; None where nothing has happened for a while."""


def encode(frame: Frame) -> bytes:
    """The frame as it goes over the wire. JSON escapes line breaks, so that one line holds it."""
    data = frame.data
    if not isinstance(data, str):
        data = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    head = f"id: {frame.id}\n" if frame.id else ""
    return f"{head}data: {data}\n\n".encode("utf-8", "replace")


def respond(
    frames: Frames, route: str, user_id: int | None = None, model: str = ""
) -> StreamingHttpResponse:
    """The answer that sends frames as they are made; `frames` is closed when the client goes.

    `route`, `model`: what its start, its end and its duration are kept under.
    """
    parts = _logged(frames, (route, user_id, model), correlation_id.get())
    response = StreamingHttpResponse(parts, content_type="text/event-stream; charset=utf-8")
    for name, value in HEADERS.items():
        response.headers[name] = value
    return response


async def _logged(
    frames: Frames, about: tuple[str, int | None, str], current: str
) -> AsyncIterator[bytes]:
    correlation_id.set(current)
    log_ = StreamLog(*about)
    try:
        async with aclosing(_written(frames, log_)) as parts:
            async for part in parts:
                yield part
    except BaseException:
        log_.leave()
        raise
    await log_.end()


async def _written(frames: Frames, log_: StreamLog) -> AsyncGenerator[bytes]:
    last = time.monotonic()
    async with aclosing(frames):
        async for frame in frames:
            if frame is not None:
                log_.count(frame.data)
                yield encode(frame)
            elif time.monotonic() - last >= HEARTBEAT_SECONDS:
                yield HEARTBEAT
            else:
                continue
            last = time.monotonic()


async def guarded(frames: Frames) -> Frames:
    """Frames of which a failure is the last one, in the one error shape."""
    try:
        async with aclosing(frames):
            async for frame in frames:
                yield frame
    except UnmaskError as error:
        yield Frame(error_shape(error))
    except Exception:
        log.exception("a stream failed")
        yield Frame(error_shape(internal_error()))

"""Start and end of every stream in the log, with its duration; its end as a signal for who counts.

Receivers of `stream_ended` get route, model, user_id, outcome (complete, error or left), seconds,
first (seconds to the first frame; None for an answer in one piece), frames and correlation_id. They
run in a thread, with a database.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from django.dispatch import Signal

from core.sockets.database import in_events_lane
from inference.errors import REFUSALS, UnmaskError, correlation_id
from inference.figures import OPEN, STREAM_SECONDS

log = logging.getLogger(__name__)
stream_ended = Signal()
_tasks: set[asyncio.Task[None]] = set()


class StreamLog:
    """One stream, or answer in one piece. `end` or `leave` is called exactly once."""

    def __init__(
        self, route: str, user_id: int | None, model: str = "", what: str = "stream"
    ) -> None:
        about = {"route": route, "user_id": user_id, "model": model}
        self._about = {**about, "correlation_id": correlation_id.get()}
        self._begun = time.monotonic()
        self._first: float | None = None
        self._frames, self._outcome = 0, "complete"
        self._what = what
        OPEN.labels(what).inc()
        log.info("%s began", what, extra={"route": route})

    def count(self, data: dict[str, Any] | str) -> None:
        """A frame is being sent."""
        self._frames += 1
        if self._first is None:
            self._first = self._seconds()
        if isinstance(data, dict) and (data.get("type") == "error" or "error" in data):
            self._outcome = "error"

    def fail(self) -> None:
        """It will end with an error."""
        self._outcome = "error"

    def refuse(self) -> None:
        """The request does not fit, so nothing was begun: no duration is kept of it."""
        self._summary("refused")

    async def end(self) -> None:
        """The stream came to its end."""
        await _send(self._summary(self._outcome))

    def leave(self) -> None:
        """The client went away: whoever is told must not be cancelled with it."""
        task = asyncio.get_running_loop().create_task(_left(self._summary("left")))
        _tasks.add(task)
        task.add_done_callback(_tasks.discard)

    def _seconds(self) -> float:
        return round(time.monotonic() - self._begun, 3)

    def _summary(self, outcome: str) -> dict[str, Any]:
        seconds = self._seconds()
        told = {"outcome": outcome, "seconds": seconds, "frames": self._frames}
        OPEN.labels(self._what).dec()
        STREAM_SECONDS.labels(self._about["route"], outcome).observe(seconds)
        log.info("%s ended", self._what, extra={"route": self._about["route"], **told})
        return {**self._about, **told, "first": self._first}


@in_events_lane
def _send(summary: dict[str, Any]) -> None:
    for _, result in stream_ended.send_robust(StreamLog, **summary):
        if isinstance(result, Exception):
            log.warning("a stream's end was not counted: %s", type(result).__name__)


@asynccontextmanager
async def timed(route: str, user_id: int | None, model: str) -> AsyncIterator[None]:
    """Around an answer in one piece: kept like a stream, without frames, unless it is refused."""
    log_ = StreamLog(route, user_id, model, "answer")
    try:
        yield
    except Exception as error:
        await _failed(log_, error)
        raise
    except BaseException:
        log_.leave()
        raise
    await log_.end()


async def _failed(log_: StreamLog, error: Exception) -> None:
    if isinstance(error, UnmaskError) and error.error_type in REFUSALS:
        log_.refuse()
        return
    log_.fail()
    await log_.end()


async def _left(summary: dict[str, Any]) -> None:
    await _send(summary)

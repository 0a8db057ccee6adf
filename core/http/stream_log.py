"""Start and end of every stream in the log, with its duration; its end as a signal for who counts.

Receivers of `stream_ended` get route, user_id, outcome (complete, error or left), seconds, first
(seconds to the first frame), frames and correlation_id. They run in a thread, with a database.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

from django.dispatch import Signal

from core.sockets.database import in_events_lane
from inference.errors import correlation_id

log = logging.getLogger(__name__)
stream_ended = Signal()
_tasks: set[asyncio.Task[None]] = set()


class StreamLog:
    """One stream. `end` or `leave` is called exactly once."""

    def __init__(self, route: str, user_id: int | None) -> None:
        self._about = {"route": route, "user_id": user_id, "correlation_id": correlation_id.get()}
        self._begun = time.monotonic()
        self._first: float | None = None
        self._frames, self._outcome = 0, "complete"
        log.info("stream began", extra={"route": route})

    def count(self, data: dict[str, Any] | str) -> None:
        """A frame is being sent."""
        self._frames += 1
        if self._first is None:
            self._first = self._seconds()
        if isinstance(data, dict) and (data.get("type") == "error" or "error" in data):
            self._outcome = "error"

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
        told = {"outcome": outcome, "seconds": self._seconds(), "frames": self._frames}
        log.info("stream ended", extra={"route": self._about["route"], **told})
        return {**self._about, **told, "first": self._first}


@in_events_lane
def _send(summary: dict[str, Any]) -> None:
    for _, result in stream_ended.send_robust(StreamLog, **summary):
        if isinstance(result, Exception):
            log.warning("a stream's end was not counted: %s", type(result).__name__)


async def _left(summary: dict[str, Any]) -> None:
    await _send(summary)

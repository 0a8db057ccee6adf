"""Following a session's stream: every event once, in order, whatever bells are lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from inference.events import Event
from visualizer.consumers import database
from visualizer.models import Session

WINDOW = 500
"""A client that is more events behind than this is sent a snapshot instead of a backlog."""


class Follower:
    """One client's place in a stream.

    `acked` stays None for clients that never acknowledge; for others at most WINDOW events are
    under way at a time.
    """

    def __init__(
        self,
        session: Session,
        on_event: Callable[[Event], Awaitable[None]],
        on_snapshot: Callable[[dict[str, Any]], Awaitable[None]],
    ) -> None:
        self.session = session
        self.stream = str(session.stream_id)
        self.number = 0
        self.acked: int | None = None
        self._on_event, self._on_snapshot = on_event, on_snapshot
        self._lock = asyncio.Lock()

    async def start(self, after: int | None) -> None:
        """Follow from a number on; with a snapshot first if there is none."""
        async with self._lock:
            if after is None:
                await self._snapshot()
            else:
                self.number = after
        await self.catch_up()

    async def hear(self, event: Event) -> None:
        """A bell: pass the event on if it is the next one, else read what is missing."""
        async with self._lock:
            if event.number == self.number + 1 and not self._full():
                await self._pass(event)
                return
        if event.number > self.number:
            await self.catch_up()

    async def acknowledge(self, number: int) -> None:
        """The client has dealt with everything up to a number."""
        self.acked = max(self.acked or 0, min(number, self.number))
        await self.catch_up()

    async def catch_up(self) -> None:
        """Read the rows after the last number; a snapshot if there are too many."""
        async with self._lock:
            if self._full():
                return
            rows = await database.events_since(self.stream, self.number, WINDOW + 1)
            if len(rows) > WINDOW:
                await self._snapshot()
                return
            for event in rows:
                await self._pass(event)

    def _full(self) -> bool:
        return self.acked is not None and self.number - self.acked >= WINDOW

    async def _pass(self, event: Event) -> None:
        self.number = event.number
        await self._on_event(event)

    async def _snapshot(self) -> None:
        snapshot = await database.take_snapshot(self.session)
        self.number = snapshot["number"]
        await self._on_snapshot(snapshot)

"""Following a stream: every event once, in order, whatever bells are lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from core.sockets import database
from inference.events import Event

WINDOW = 500
"""A client that is more events behind than this is sent a snapshot instead of a backlog."""


class Follower:
    """One client's place in a stream.

    `acked` stays None for clients that never acknowledge; for others at most WINDOW events are
    under way at a time. A client whose next event has been pruned is sent a snapshot.
    """

    def __init__(
        self,
        stream: UUID | str,
        on_event: Callable[[Event], Awaitable[None]],
        on_snapshot: Callable[[dict[str, Any]], Awaitable[None]],
        take_snapshot: Callable[[], Awaitable[dict[str, Any]]],
    ) -> None:
        self.stream = str(stream)
        self.number = 0
        self.acked: int | None = None
        self._on_event, self._on_snapshot = on_event, on_snapshot
        self._take_snapshot = take_snapshot
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
        """Read the rows after the last number; a snapshot if too many, or some are gone."""
        async with self._lock:
            if self._full():
                return
            found = await database.events_since(self.stream, self.number, WINDOW + 1)
            if found.trimmed or len(found.events) > WINDOW:
                await self._snapshot()
                return
            for event in found.events:
                await self._pass(event)

    def _full(self) -> bool:
        return self.acked is not None and self.number - self.acked >= WINDOW

    async def _pass(self, event: Event) -> None:
        self.number = event.number
        await self._on_event(event)

    async def _snapshot(self) -> None:
        snapshot = await self._take_snapshot()
        self.number = snapshot["number"]
        await self._on_snapshot(snapshot)

"""The frames of one socket that wait for their turn: read, counted, limited."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from accounts.rate_limits import SOCKET_MESSAGES
from inference.errors import UnmaskError
from inference.limits import MESSAGE_BYTES

WAITING = 200
"""Messages of one socket that may wait for their turn."""
WAITING_BYTES = 2 * MESSAGE_BYTES
LARGE = 64 * 1024
"""Characters from which JSON is read in a thread."""


@dataclass(frozen=True, slots=True)
class Item:
    """A message that waits, or the error that it will be answered with."""

    message: dict[str, Any]
    size: int
    error: UnmaskError | None = None


class Inbox:
    """A queue in order of arrival. What is too much becomes an item with its error."""

    def __init__(self, read: Callable[[str | None], dict[str, Any]]) -> None:
        """`read` makes a frame a message. Raises UnmaskError."""
        self.key: UUID = uuid4()
        self._read = read
        self._queue: asyncio.Queue[Item] = asyncio.Queue()
        self._bytes = 0

    async def item(self, text: str | None) -> Item:
        """What a frame says, not queued yet."""
        size = len(text or "")
        if self._is_flooded(size):
            wait = SOCKET_MESSAGES.retry_after(self.key)
            told = f"Too many messages at once. Try again in {wait} s."
            return Item({}, 0, UnmaskError("rate_limit", told))
        try:
            read = asyncio.to_thread(self._read, text) if size > LARGE else None
            return Item(await read if read else self._read(text), size)
        except UnmaskError as error:
            return Item({}, 0, error)

    def put(self, item: Item) -> None:
        self._bytes += item.size
        self._queue.put_nowait(item)

    async def get(self) -> Item:
        """The oldest item; `done` must follow when it has been answered."""
        return await self._queue.get()

    def done(self, item: Item) -> None:
        self._bytes -= item.size

    def _is_flooded(self, size: int) -> bool:
        full = self._queue.qsize() >= WAITING or self._bytes + size > WAITING_BYTES
        return not SOCKET_MESSAGES.hit(self.key) or full

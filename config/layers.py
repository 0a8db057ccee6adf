"""An in-memory channel layer that threads may send to.

The stock layer puts messages on an asyncio queue; done from another thread, that does not wake the
server's loop, and delivery waits for its next tick. Here every operation is
carried to the loop that receives.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from channels.layers import InMemoryChannelLayer

T = TypeVar("T")
SECONDS = 10
"""A sender never waits longer: the receiving loop may have been closed meanwhile."""


class ThreadSafeLayer(InMemoryChannelLayer):  # type: ignore[misc]
    """All operations run on the loop that called `receive` first."""

    def __init__(self, capacity: int = 5000, **options: Any) -> None:
        super().__init__(capacity=capacity, **options)
        self._home: asyncio.AbstractEventLoop | None = None

    async def receive(self, channel: str) -> dict[str, Any]:
        if self._home is None or self._home.is_closed():
            self._home = asyncio.get_running_loop()
        message: dict[str, Any] = await super().receive(channel)
        return message

    async def send(self, channel: str, message: dict[str, Any]) -> None:
        await self._at_home(super().send(channel, message))

    async def group_add(self, group: str, channel: str) -> None:
        await self._at_home(super().group_add(group, channel))

    async def group_discard(self, group: str, channel: str) -> None:
        await self._at_home(super().group_discard(group, channel))

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        if group in self.groups:  # most streams have nobody who listens
            await self._at_home(super().group_send(group, message))

    async def _at_home(self, work: Coroutine[Any, Any, T]) -> T:
        home = self._home
        if home is None or home.is_closed() or home is asyncio.get_running_loop():
            return await work
        carried = asyncio.run_coroutine_threadsafe(work, home)
        return await asyncio.wait_for(asyncio.wrap_future(carried), SECONDS)

"""An in-memory channel layer that threads may send to.

The stock layer puts messages on an asyncio queue; done from another thread, that does not wake the
server's loop, and delivery waits for its next tick. Here every operation is
carried to the loop that receives.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Sequence
from contextlib import suppress
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

    def ring(self, bells: Sequence[tuple[str, dict[str, Any]]]) -> None:
        """Send (group, message) from any thread, without waiting for it.

        All who receive a message share it. The receiving loop is woken once, and only if somebody
        is in one of the groups.
        """
        heard = [bell for bell in bells if bell[0] in self.groups]
        home = self._home
        if not heard:
            return
        if home is None or home.is_closed():
            self._put(heard)
            return
        with suppress(RuntimeError):  # the loop was closed this very moment, with all who listened
            home.call_soon_threadsafe(self._put, heard)

    def _put(self, bells: Sequence[tuple[str, dict[str, Any]]]) -> None:
        expires = time.time() + self.expiry
        for group, message in bells:
            for channel in list(self.groups.get(group, ())):
                fresh = asyncio.Queue[Any](maxsize=self.get_capacity(channel))
                with suppress(asyncio.QueueFull):
                    self.channels.setdefault(channel, fresh).put_nowait((expires, message))

    async def _at_home(self, work: Coroutine[Any, Any, T]) -> T:
        home = self._home
        if home is None or home.is_closed() or home is asyncio.get_running_loop():
            return await work
        carried = asyncio.run_coroutine_threadsafe(work, home)
        return await asyncio.wait_for(asyncio.wrap_future(carried), SECONDS)

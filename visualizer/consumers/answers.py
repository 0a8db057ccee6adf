"""Waiting for the answers of workers without waiting for an engine."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from visualizer.consumers import database

Waits = Callable[[int], Awaitable[None]]
POLL_SECONDS = 1.0
REMEMBERED = 256


class Answers:
    """Bells of a user's commands; a lost bell costs at most a second."""

    def __init__(self) -> None:
        self._waiting: dict[int, asyncio.Future[str | None]] = {}
        self._heard: deque[int] = deque(maxlen=REMEMBERED)

    def hear(self, command_id: int, reply: str | None) -> None:
        """A bell; it may come before anybody waits for it."""
        future = self._waiting.pop(command_id, None)
        if future is None:
            self._heard.append(command_id)
        elif not future.done():
            future.set_result(reply)

    async def wait(self, command_id: int, waits: Waits | None = None) -> str:
        """The command's reply as JSON text; `waits` is told each second that there is none yet."""
        reply = None
        while not reply:
            reply = await self._bell(command_id) or await database.reply_of(command_id)
            if not reply and waits is not None:
                await waits(command_id)
        return reply

    async def _bell(self, command_id: int) -> str | None:
        if command_id in self._heard:
            self._heard.remove(command_id)
            return None
        future = self._waiting.setdefault(command_id, asyncio.get_running_loop().create_future())
        try:
            return await asyncio.wait_for(asyncio.shield(future), POLL_SECONDS)
        except TimeoutError:
            return None
        finally:
            self._waiting.pop(command_id, None)

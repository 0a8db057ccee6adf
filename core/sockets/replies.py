"""Waiting for the replies of workers without waiting for an engine."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from core.commands.lifecycle import key_of
from core.jobs.models import CommandRow
from core.sockets import database

Waits = Callable[[CommandRow], Awaitable[None]]
POLL_SECONDS = 1.0
REMEMBERED = 256


class Replies:
    """Bells of a user's commands; a lost bell costs at most a second."""

    def __init__(self) -> None:
        self._waiting: dict[str, asyncio.Future[str | None]] = {}
        self._heard: deque[str] = deque(maxlen=REMEMBERED)

    def hear(self, key: str, reply: str | None) -> None:
        """A bell; it may come before anybody waits for it."""
        future = self._waiting.pop(key, None)
        if future is None:
            self._heard.append(key)
        elif not future.done():
            future.set_result(reply)

    async def wait(self, command: CommandRow, waits: Waits | None = None) -> str:
        """The command's reply as JSON text; `waits` is told each second that there is none yet."""
        reply = None
        while not reply:
            reply = await self._bell(key_of(command)) or await database.reply_of(command)
            if not reply and waits is not None:
                await waits(command)
        return reply

    async def _bell(self, key: str) -> str | None:
        if key in self._heard:
            self._heard.remove(key)
            return None
        future = self._waiting.setdefault(key, asyncio.get_running_loop().create_future())
        try:
            return await asyncio.wait_for(asyncio.shield(future), POLL_SECONDS)
        except TimeoutError:
            return None
        finally:
            self._waiting.pop(key, None)

"""Threads for the database work of sockets: two lanes, and a share of one for each user.

Who is asking and what has happened since must be known at once, so it never waits behind commands;
one user's slow commands never take all threads.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import wraps
from typing import Any, ParamSpec, TypeVar
from weakref import WeakValueDictionary

from asgiref.sync import sync_to_async

from inference.connections import kept_open

P = ParamSpec("P")
R = TypeVar("R")
EVENTS = ThreadPoolExecutor(3, "socket-events")
"""Authentication, events, replies: short questions that everybody's sockets ask all the time."""
COMMANDS = ThreadPoolExecutor(6, "socket-commands")
"""Commands of the web side, snapshots, partials."""
SHARE = 2
"""Threads of COMMANDS that one user may hold at a time."""


def in_lane(lane: ThreadPoolExecutor) -> Callable[[Callable[P, R]], Callable[P, Awaitable[R]]]:
    """Decorator: the function becomes awaitable and runs in the lane, with a kept connection."""

    def decorate(function: Callable[P, R]) -> Callable[P, Awaitable[R]]:
        run = sync_to_async(kept_open(function), thread_sensitive=False, executor=lane)

        @wraps(function)
        async def call(*args: P.args, **kwargs: P.kwargs) -> R:
            return await run(*args, **kwargs)

        return call

    return decorate


class Shares:
    """A semaphore for each name that is in use, made in the loop that asks."""

    def __init__(self, size: int = SHARE) -> None:
        self._size = size
        self._held: WeakValueDictionary[Any, asyncio.Semaphore] = WeakValueDictionary()

    def of(self, name: Any) -> asyncio.Semaphore:
        """`async with shares.of(user): …` waits while the name has its share in use."""
        key = (name, id(asyncio.get_running_loop()))
        found = self._held.get(key)
        if found is None:
            found = self._held[key] = asyncio.Semaphore(self._size)
        return found


SHARES = Shares()

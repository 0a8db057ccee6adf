"""Ringing bells from worker threads, without waiting until they have been heard.

`async_to_sync(group_send)` would build a loop and a Redis pool for every event; one loop in a
thread of its own costs a fraction of that. A layer in this process is rung without any loop.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterable
from functools import cache
from typing import Any

from channels.layers import get_channel_layer

log = logging.getLogger(__name__)
_lock = threading.Lock()


@cache
def _start_loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="bells", daemon=True).start()
    return loop


Bell = tuple[str, dict[str, Any]]
"""A group, and what is sent to it."""


def send(group: str, message: dict[str, Any]) -> None:
    """Send to a group without waiting. Losing a bell is harmless, so failures are only logged."""
    send_all([(group, message)])


def send_all(bells: Iterable[Bell]) -> None:
    """The same for several, in their order: a loop is woken once at most."""
    layer = get_channel_layer()
    if hasattr(type(layer), "ring"):  # a layer of Redis hands on whatever it is asked for itself
        layer.ring(list(bells))
        return
    with _lock:
        loop = _start_loop()
    asyncio.run_coroutine_threadsafe(_send(list(bells)), loop)


async def _send(bells: list[Bell]) -> None:
    layer = get_channel_layer()
    if layer is None:
        return
    for group, message in bells:
        try:
            await layer.group_send(group, message)
        except Exception as error:
            log.warning("bell to %s failed: %s", group, type(error).__name__)

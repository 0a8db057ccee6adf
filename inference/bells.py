"""Ringing bells from worker threads over one persistent event loop.

`async_to_sync(group_send)` would build a loop and a Redis pool for every event; one
loop in a thread of its own costs a fraction of that.
"""

from __future__ import annotations

import asyncio
import logging
import threading
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


def send(group: str, message: dict[str, Any]) -> None:
    """Send to a group without waiting. Losing a bell is harmless, so failures are only logged."""
    with _lock:
        loop = _start_loop()
    asyncio.run_coroutine_threadsafe(_send(group, message), loop)


async def _send(group: str, message: dict[str, Any]) -> None:
    layer = get_channel_layer()
    if layer is None:
        return
    try:
        await layer.group_send(group, message)
    except Exception as error:
        log.warning("bell to %s failed: %s", group, type(error).__name__)

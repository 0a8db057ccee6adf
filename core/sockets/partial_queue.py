"""A queue of partials behind the events: what moves on the page never waits for a template.

A run tells of itself several times within milliseconds; only the newest of each kind is rendered,
a moment later, and what looks as it did is not sent again. Errors are told one by one.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

log = logging.getLogger(__name__)
PAUSE_SECONDS = 0.1
Payload = dict[str, Any]


class PartialQueue:
    """Partials that one page has yet to be sent; `at_once`: events whose partials do not wait."""

    def __init__(
        self,
        render: Callable[[str, Payload], Awaitable[str]],
        send: Callable[[str], Awaitable[None]],
        at_once: frozenset[str] = frozenset(),
    ) -> None:
        self._render, self._send, self._at_once = render, send, at_once
        self._waiting: dict[tuple[str, int], Payload] = {}
        self._shown: dict[str, str] = {}
        self._errors = 0
        self._task: asyncio.Task[None] | None = None

    def want(self, type: str, payload: Payload) -> None:
        """Have the partials of an event sent soon."""
        self._errors += _is_error(type, payload)
        key = (type, self._errors if _is_error(type, payload) else 0)
        self._waiting.pop(key, None)  # the newest comes last
        self._waiting[key] = payload
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work())

    def close(self) -> None:
        """Nobody looks any more."""
        if self._task is not None:
            self._task.cancel()

    async def _work(self) -> None:
        while self._waiting:
            quick = any(type in self._at_once for type, _ in self._waiting)
            await asyncio.sleep(0 if quick else PAUSE_SECONDS)
            waiting, self._waiting = self._waiting, {}
            for (type, error), payload in waiting.items():
                try:
                    await self._show(type, payload, repeat=bool(error))
                except Exception:
                    log.exception("partials of %s failed", type)

    async def _show(self, type: str, payload: Payload, repeat: bool) -> None:
        html = await self._render(type, payload)
        if html and (repeat or self._shown.get(type) != html):
            self._shown[type] = html
            await self._send(html)


def _is_error(type: str, payload: Payload) -> bool:
    return type == "error" or bool(payload.get("error"))

"""From a generation's stream to frames: tokens in small batches, the canvas, the end.

One generation may be relayed to any number of sockets at any time: each follows the stream from
its beginning, so whoever comes late first has everything so far.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Any

from core import generation
from core.generation import Generation
from inference.events import Event
from playground.selectors.payloads import speed_of

log = logging.getLogger(__name__)
BATCH_SECONDS = 0.04
"""Frames with text are at least this far apart: what comes in between goes out as one."""
Frame = dict[str, Any]
Send = Callable[[Frame], Awaitable[None]]


class TokenCounter:
    """How many tokens are written, and how many there may be: folded from a generation's events."""

    def __init__(self) -> None:
        self.count = self.most = 0

    def add(self, event: Event) -> None:
        if event.type == "draft":
            masked = event.payload["masked"]
            self.most = max(self.most, masked)
            self.count = max(self.count, self.most - masked)
        elif event.type == "text":
            self.count = event.payload.get("tokens", self.count)
            self.most = event.payload.get("most", self.most)


class Relay:
    """Sends what a generation tells of, as frames about one message."""

    def __init__(self, send: Send, about: Frame, prefix: str = "", drafts: bool = True) -> None:
        self._send, self._about, self._drafts = send, about, drafts
        self._prefix, self._text, self._waiting = prefix, "", ""
        self._counter = TokenCounter()
        self._flush: asyncio.Task[None] | None = None
        self._sent = -math.inf
        self._sending = asyncio.Lock()

    async def run(self, made: Generation) -> None:
        """To the generation's end."""
        async with aclosing(generation.follow(made)) as events:
            async for event in events:
                if event is not None:
                    await self._handle(event)

    async def _handle(self, event: Event) -> None:
        self._counter.add(event)
        handle = _HANDLERS.get(event.type)
        if handle is not None:
            await handle(self, event.payload)

    async def text(self, payload: Frame) -> None:
        self._waiting += payload["text"]
        if self._flush is None or self._flush.done():
            self._flush = asyncio.create_task(self._flush_soon())

    async def snapshot(self, payload: Frame) -> None:
        """What stands for pruned events: the text so far, of which some may have been told."""
        self._waiting = payload["text"][len(self._text) :]
        await self.flush()

    async def draft(self, payload: Frame) -> None:
        if self._drafts:
            await self.tell("draft", **payload)

    async def done(self, payload: Frame) -> None:
        await self._settle()
        usage = payload.get("usage", {})
        seconds = payload.get("seconds", 0.0)
        await self.tell(
            "done",
            text=self._prefix + payload["text"],
            token_count=usage.get("completion_tokens", self._counter.count),
            max_token_count=self._counter.most,
            prompt_tokens=usage.get("prompt_tokens", 0),
            seconds=seconds,
            tokens_per_second=speed_of(usage, seconds),
            finish_reason=payload["finish_reason"],
            url=payload["url"],
        )

    async def error(self, payload: Frame) -> None:
        await self._settle()
        await self.tell("error", **{k: v for k, v in payload.items() if k != "type"})

    async def _settle(self) -> None:
        if self._flush is not None and not self._sending.locked():
            self._flush.cancel()  # still waiting: what is being sent goes out whole
        await self.flush()

    async def _flush_soon(self) -> None:
        """The first text, for which somebody waits, and any behind a pause go out at once."""
        await asyncio.sleep(max(0.0, self._sent + BATCH_SECONDS - time.monotonic()))
        await self.flush()

    async def flush(self) -> None:
        """Send the text that waits, behind what is on its way."""
        async with self._sending:
            await self._send_waiting()

    async def _send_waiting(self) -> None:
        token, self._waiting = self._waiting, ""
        if not token:
            return
        offset = len(self._prefix) + len(self._text)
        self._text, self._sent = self._text + token, time.monotonic()
        count, most = self._counter.count, self._counter.most
        await self.tell(
            "token", token=token, token_count=count, max_token_count=most, offset=offset
        )
        log.debug("[GENERATION] Token #%d sent via channel", count)

    async def tell(self, type: str, **fields: Any) -> None:
        await self._send({"type": type, **self._about, **fields})


_HANDLERS = {
    "text": Relay.text,
    "snapshot": Relay.snapshot,
    "draft": Relay.draft,
    "done": Relay.done,
    "error": Relay.error,
}

"""`/ws/sessions/<id>/`: what a workspace listens to: deltas as JSON, chrome as HTML partials."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import parse_qs

from core.commands.encoding import as_json
from core.commands.table import Channel
from core.jobs.models import CommandRow
from core.sockets.consumer import CommandConsumer
from core.sockets.link_reader import NOT_FOUND
from core.sockets.partial_queue import PartialQueue
from inference.errors import UnmaskError
from inference.events import Event
from visualizer.commands import COMMANDS
from visualizer.consumers import database, queue_position
from visualizer.models import Session
from visualizer.partials import WITH_PARTIALS

AT_ONCE = frozenset({"staged", "session"})
"""What people have done themselves and look for; nothing moves meanwhile."""


class PageConsumer(CommandConsumer):
    """One session's page. Replies carry no state: the page lives on events."""

    table = COMMANDS
    channel = Channel.PAGE

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.partials = PartialQueue(self._render, self._show, AT_ONCE)
        self.in_line = False

    async def greet(self) -> None:
        try:
            id = self.scope["url_route"]["kwargs"]["session_id"]
            session = await database.find_session(self.user, id)
        except UnmaskError:
            await self.close(NOT_FOUND, "there is no such session")
            return
        self.session = self.target = session
        await self.follow(session, await self._after())

    async def _after(self) -> int | None:
        """`?after=N` on the address: a page that comes back goes on where it was."""
        text = parse_qs(self.scope["query_string"].decode("latin1")).get("after", [""])[0]
        if not (text.isascii() and text.isdigit() and len(text) < 16):
            return None
        return int(text) if int(text) <= await database.newest(self.session) else None

    async def leave(self) -> None:
        self.partials.close()
        await super().leave()

    async def send_reply(self, type: str, text: str) -> None:
        if self.in_line:
            self.in_line = False
            await self._show(await queue_position.left(self.session))
        reply = await self.decoded(text)
        if reply["type"] == "error":
            await self.send_error(reply)
            return
        await self._send({"t": "reply", **reply})
        if type == "resume":
            await self.follow(self.session, reply["after"])

    async def waits(self, command: CommandRow) -> None:
        self.in_line = True
        await self._show(await queue_position.of(command.pk))

    async def send_error(self, shape: dict[str, Any]) -> None:
        await self._send({"t": "error", **shape})

    async def send_event(self, event: Event) -> None:
        await self._send(
            {"t": "event", "number": event.number, "type": event.type, "payload": event.payload}
        )
        if event.type in WITH_PARTIALS:
            self.partials.want(event.type, event.payload)
        if event.type == "session" and event.payload["status"] == "deleted":
            await self.close(NOT_FOUND, "deleted")

    async def model_changed(self, slug: str) -> None:
        if self.target is not None and slug == self.session.model.slug:
            self.partials.want("model", {})

    async def take_snapshot(self, target: Session) -> dict[str, Any]:
        return await database.take_snapshot(target)

    async def send_snapshot(self, snapshot: dict[str, Any]) -> None:
        await self.send(text_data=await asyncio.to_thread(as_json, snapshot))

    async def _render(self, type: str, payload: dict[str, Any]) -> str:
        return await database.render(type, payload, self.session)

    async def _show(self, html: str) -> None:
        await self.send(text_data=html)

    async def _send(self, message: dict[str, Any]) -> None:
        await self.send(text_data=as_json(message))

"""`/ws/sessions/<id>/`: what a workspace listens to: deltas as JSON, chrome as HTML partials."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs

from channels.db import database_sync_to_async

from inference.errors import UnmaskError
from inference.events import Event
from visualizer import partials
from visualizer.commands import from_form, parse
from visualizer.consumers import database
from visualizer.consumers.base import Protocol
from visualizer.services.commands import as_json

NOT_FOUND = 4404
render = database_sync_to_async(partials.render_for)


class PageConsumer(Protocol):
    """One session's page. Replies carry no state: the page lives on events."""

    door = "page"

    async def greet(self) -> None:
        try:
            id = self.scope["url_route"]["kwargs"]["session_id"]
            session = await database.find_session(self.user, id)
        except UnmaskError:
            await self.close(NOT_FOUND, "there is no such session")
            return
        self.session = session
        self.session_id = session.pk
        await self.follow(session, await self._after())

    async def _after(self) -> int | None:
        """`?after=N` on the address: a page that comes back goes on where it was."""
        text = parse_qs(self.scope["query_string"].decode("latin1")).get("after", [""])[0]
        if not (text.isascii() and text.isdigit() and len(text) < 16):
            return None
        return int(text) if int(text) <= await database.newest(self.session) else None

    def read(self, text: str | None) -> dict[str, Any]:
        message = parse(text)
        return message if message.get("type") == "ack" else from_form(message)

    async def send_reply(self, type: str, text: str) -> None:
        reply = json.loads(text)
        if reply["type"] == "error":
            await self.send_error(reply)
            return
        await self._send({"t": "reply", **reply})
        if type == "resume":
            await self.follow(self.session, reply["after"])

    async def send_error(self, shape: dict[str, Any]) -> None:
        await self._send({"t": "error", **shape})
        await self._partial("error", shape)

    async def send_event(self, event: Event) -> None:
        await self._send(
            {"t": "event", "number": event.number, "type": event.type, "payload": event.payload}
        )
        await self._partial(event.type, event.payload)

    async def model_changed(self, slug: str) -> None:
        if self.session_id is not None and slug == self.session.model.slug:
            await self._partial("model", {})

    async def send_snapshot(self, snapshot: dict[str, Any]) -> None:
        await self._send(snapshot)

    async def _partial(self, type: str, payload: dict[str, Any]) -> None:
        html = await render(type, payload, self.session)
        if html:
            await self.send(text_data=html)

    async def _send(self, message: dict[str, Any]) -> None:
        await self.send(text_data=as_json(message))

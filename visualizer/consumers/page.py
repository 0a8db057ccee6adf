"""`/ws/sessions/<id>/`: what a workspace listens to: deltas as JSON, chrome as HTML partials."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs

from inference.errors import UnmaskError
from inference.events import Event
from visualizer.commands import from_form, parse
from visualizer.consumers import database, waiting
from visualizer.consumers.base import Protocol
from visualizer.consumers.chrome import Chrome
from visualizer.partials import WITH_PARTIALS
from visualizer.services.commands import as_json

NOT_FOUND = 4404


class PageConsumer(Protocol):
    """One session's page. Replies carry no state: the page lives on events."""

    door = "page"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.chrome = Chrome(self._partials, self._show)
        self.in_line = False

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

    async def leave(self) -> None:
        self.chrome.close()
        await super().leave()

    def read(self, text: str | None) -> dict[str, Any]:
        message = parse(text)
        return message if message.get("type") == "ack" else from_form(message)

    async def send_reply(self, type: str, text: str) -> None:
        if self.in_line:
            self.in_line = False
            await self._show(await waiting.line_left(self.session))
        reply = json.loads(text)
        if reply["type"] == "error":
            await self.send_error(reply)
            return
        await self._send({"t": "reply", **reply})
        if type == "resume":
            await self.follow(self.session, reply["after"])

    async def waits(self, command_id: int) -> None:
        self.in_line = True
        await self._show(await waiting.place_in_line(command_id))

    async def send_error(self, shape: dict[str, Any]) -> None:
        await self._send({"t": "error", **shape})

    async def send_event(self, event: Event) -> None:
        await self._send(
            {"t": "event", "number": event.number, "type": event.type, "payload": event.payload}
        )
        if event.type in WITH_PARTIALS:
            self.chrome.want(event.type, event.payload)
        if event.type == "session" and event.payload["status"] == "deleted":
            await self.close(NOT_FOUND, "deleted")

    async def model_changed(self, slug: str) -> None:
        if self.session_id is not None and slug == self.session.model.slug:
            self.chrome.want("model", {})

    async def send_snapshot(self, snapshot: dict[str, Any]) -> None:
        await self._send(snapshot)

    async def _partials(self, type: str, payload: dict[str, Any]) -> str:
        return await database.render(type, payload, self.session)

    async def _show(self, html: str) -> None:
        await self.send(text_data=html)

    async def _send(self, message: dict[str, Any]) -> None:
        await self.send(text_data=as_json(message))

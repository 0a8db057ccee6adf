"""`/ws`: the JSON protocol."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

from core.commands.encoding import as_json
from core.sockets.consumer import CommandConsumer
from inference.events import Event
from visualizer.commands import COMMANDS
from visualizer.consumers import database
from visualizer.models import Session


class ApiConsumer(CommandConsumer):
    """Frames are JSON objects with a `type`. The socket's session is the last one it opened."""

    table = COMMANDS

    async def greet(self) -> None:
        self.model: str | None = None
        self.status: dict[str, Any] = {}
        await self._tell_status()

    async def model_changed(self, slug: str) -> None:
        if not self.status.get("is_loaded"):
            await self._tell_status()

    async def tick(self) -> None:
        """A client that waits for a model is told when it is there."""
        await super().tick()
        if not self.status["is_loaded"]:
            await self._tell_status()

    async def _tell_status(self) -> None:
        status = await database.model_status(self.model)
        if status != self.status:
            self.status = status
            await self._send(status)

    def completed(self, message: dict[str, Any]) -> dict[str, Any]:
        """The socket's model, where a message may name one and does not."""
        spec = self.table.get(str(message.get("type")))
        if spec and self.model and "model" in spec.schema.model_fields:
            return {"model": self.model, **message}
        return message

    async def send_reply(self, type: str, text: str) -> None:
        await self.send(text_data=text)
        effect = _EFFECTS.get(type)
        if effect is not None:
            reply = await self.decoded(text)
            if reply["type"] != "error":
                await effect(self, reply)

    async def opened(self, reply: dict[str, Any]) -> None:
        """The session of the reply is the socket's own from now on."""
        self.target = Session(pk=UUID(reply["session_id"]))
        await self.unfollow()

    async def opened_and_followed(self, reply: dict[str, Any]) -> None:
        await self.followed({**reply, "after": reply["number"]})

    async def followed(self, reply: dict[str, Any]) -> None:
        """Events after the reply's number follow."""
        session = await database.find_session(self.user, reply["session_id"])
        self.target = session
        await self.follow(session, reply["after"])

    async def model_loaded(self, reply: dict[str, Any]) -> None:
        if reply["success"]:
            self.model = reply["model_path"]
            await self._tell_status()

    async def send_error(self, shape: dict[str, Any]) -> None:
        await self._send(shape)

    async def send_event(self, event: Event) -> None:
        await self._send(
            {
                "type": "event",
                "session_id": str(self.target.pk),
                "number": event.number,
                "event": event.type,
                "payload": event.payload,
            }
        )

    async def take_snapshot(self, target: Session) -> dict[str, Any]:
        return await database.take_snapshot(target)

    async def send_snapshot(self, snapshot: dict[str, Any]) -> None:
        told = {key: value for key, value in snapshot.items() if key != "t"}
        text = await asyncio.to_thread(as_json, {"type": "snapshot", **told})
        await self.send(text_data=text)

    async def _send(self, message: dict[str, Any]) -> None:
        await self.send(text_data=as_json(message))


_EFFECTS = {
    "initialize": ApiConsumer.opened,
    "tokenize_and_forward": ApiConsumer.opened,
    "open_session": ApiConsumer.opened_and_followed,
    "resume": ApiConsumer.followed,
    "load_model": ApiConsumer.model_loaded,
}

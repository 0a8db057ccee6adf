"""What both sockets of conversations share: they follow one, and relay its answers."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

from core.commands.encoding import as_json
from core.sockets.consumer import CommandConsumer
from inference.errors import UnmaskError, error_shape
from inference.events import Event
from playground.commands import COMMANDS
from playground.consumers import database
from playground.consumers.relay import Relay
from playground.models import Conversation, Message

log = logging.getLogger(__name__)
HEARTBEAT_TICKS = 15
Frame = dict[str, Any]


class ConversationConsumer(CommandConsumer):
    """Frames are JSON objects with a `type`. Each generation is relayed once."""

    table = COMMANDS
    drafts = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.relays: dict[str, asyncio.Task[None]] = {}
        self.ticks = 0

    async def leave(self) -> None:
        for task in self.relays.values():
            task.cancel()
        await super().leave()

    async def tick(self) -> None:
        """A heartbeat, so that proxies keep the socket and clients notice a dead one."""
        await super().tick()
        self.ticks += 1
        if self.ticks % HEARTBEAT_TICKS == 0:
            await self.tell({"type": "heartbeat"})

    def relay(self, message: Frame) -> None:
        """Tell of the answer's generation from its beginning to its end, unless that is done."""
        id = message["generation"]
        if id not in self.relays:
            self.relays[id] = asyncio.create_task(self._relay(id, message))

    async def _relay(self, id: str, message: Frame) -> None:
        about = {"message_id": message["id"], "conversation_id": str(self.target.pk)}
        log.info("[WS_CHAT] streaming generation %s", id)
        try:
            made = await database.find_generation(self.user, id)
            await Relay(self.tell, about, message["prefix"], self.drafts).run(made)
        except UnmaskError as error:
            await self.refuse(error, about)
        except Exception:
            log.exception("[WS_CHAT] streaming failed")
            self.relays.pop(id, None)  # the next event tries again

    async def refuse(self, error: UnmaskError, about: Frame) -> None:
        await self.tell({**error_shape(error), **about})

    async def send_reply(self, type: str, text: str) -> None:
        await self.send(text_data=text)
        reply = json.loads(text)
        if reply["type"] == "started":
            await self.started(reply)

    async def started(self, reply: Frame) -> None:
        """An answer has been asked for through this socket."""

    async def send_error(self, shape: Frame) -> None:
        await self.tell(shape)

    async def take_snapshot(self, target: Conversation) -> Frame:
        return await database.take_whole(self.user, target)

    async def send_event(self, event: Event) -> None:
        if event.type == "message":
            await self.message_changed(event.payload, event.number)
        elif event.type == "conversation":
            await self.conversation_changed(event.payload, event.number)

    async def message_changed(self, message: Frame, number: int) -> None:
        raise NotImplementedError

    async def conversation_changed(self, conversation: Frame, number: int) -> None:
        """Title, head, settings: of interest to watchers."""

    async def tell(self, frame: Frame) -> None:
        await self.send(text_data=as_json(frame))


def is_streaming(message: Frame) -> bool:
    """Whether an answer has a generation that is not over."""
    return message["generation"] is not None and message["status"] == Message.Status.WRITING

"""`/ws/conversation/watch/<id>`: the whole conversation first, then every change and token."""

from __future__ import annotations

import logging

from core.sockets.link_reader import NOT_FOUND
from inference.errors import UnmaskError
from playground.consumers import database
from playground.consumers.conversation import (
    ConversationConsumer,
    Frame,
    is_streaming,
)

log = logging.getLogger(__name__)


class WatchConsumer(ConversationConsumer):
    """Any number of them may watch; commands are taken here too."""

    async def greet(self) -> None:
        try:
            id = self.scope["url_route"]["kwargs"]["conversation_id"]
            self.target = await database.find_conversation(self.user, id)
        except UnmaskError:
            await self.close(NOT_FOUND, "there is no such conversation")
            return
        log.info("[WS_CHAT] watching conversation %s", self.target.pk)
        await self.follow(self.target, None)

    async def send_snapshot(self, snapshot: Frame) -> None:
        await self.tell({"type": "conversation", **snapshot})
        for message in snapshot["messages"]:
            if is_streaming(message):
                self.relay(message)

    async def message_changed(self, message: Frame, number: int) -> None:
        await self.tell({"type": "message", "number": number, "message": message})
        if is_streaming(message):
            self.relay(message)

    async def conversation_changed(self, conversation: Frame, number: int) -> None:
        await self.tell({"type": "changed", "number": number, "conversation": conversation})
        if conversation["deleted"]:
            await self.close(NOT_FOUND, "deleted")

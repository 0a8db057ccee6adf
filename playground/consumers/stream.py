"""`/ws/chat/stream`: a chat request in, its answer out token by token.

A request is a `send` message; its `type` may be left out. `{"type": "stop"}` ends the answer. A
request that is repeated with its request_id never starts a second answer: it is told the first one
from its beginning.
"""

from __future__ import annotations

from typing import Any

from inference.errors import UnmaskError
from playground.consumers import database
from playground.consumers.conversation import ConversationConsumer, Frame
from playground.models import Message

_OVER = (Message.Status.FAILED, Message.Status.STOPPED)


class ChatStreamConsumer(ConversationConsumer):
    """Tells of the answers that were asked for through it, and of no others."""

    drafts = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.answers: set[int] = set()

    def read(self, text: str | None) -> dict[str, Any]:
        message = super().read(text)
        message.setdefault("type", "send")
        self.drafts = bool(message.get("draft", self.drafts))
        return message

    async def started(self, reply: Frame) -> None:
        self.answers.add(reply["message_id"])
        try:
            self.target = await database.find_conversation(self.user, reply["conversation_id"])
        except UnmaskError as error:
            await self.refuse(error, {"message_id": reply["message_id"]})
            return
        await self.follow(self.target, reply["number"])

    async def message_changed(self, message: Frame, number: int) -> None:
        if message["id"] not in self.answers:
            return
        if message["generation"] is not None:
            self.relay(message)
        elif message["status"] in _OVER:
            await self._tell_end(message)

    async def _tell_end(self, message: Frame) -> None:
        """An answer that ended before a worker began it."""
        about = {"message_id": message["id"], "conversation_id": str(self.target.pk)}
        if message["error"]:
            await self.tell({**message["error"], **about, "type": "error"})
            return
        reason = message["finish_reason"]
        counts = {"token_count": 0, "max_token_count": 0, "tokens_per_second": 0.0, "seconds": 0.0}
        text = message["content"]
        await self.tell({"type": "done", **about, "text": text, **counts, "finish_reason": reason})

    async def send_snapshot(self, snapshot: Frame) -> None:
        """Events were pruned or too many: the messages themselves say how they stand."""
        for message in snapshot["messages"]:
            await self.message_changed(message, snapshot["number"])

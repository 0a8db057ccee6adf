"""What programs and pages are told of conversations and messages."""

from __future__ import annotations

from typing import Any

from inference.models import Stream
from playground.models import Conversation, Message
from playground.selectors.line import line_of, siblings_of

LAST = 60
"""Turns that are sent at first; older ones are asked for."""


def conversation_payload(conversation: Conversation) -> dict[str, Any]:
    """Ids, title, folder, model and settings; times in ISO 8601."""
    return {
        "id": str(conversation.pk),
        "file_name": conversation.file_name,
        "title": conversation.heading,
        "folder": conversation.folder,
        "system_prompt": conversation.system_prompt,
        "model": conversation.model.slug,
        "settings": conversation.settings,
        "head": conversation.head_id,
        "archived": conversation.archived is not None,
        "deleted": conversation.deleted is not None,
        "updated": conversation.updated.isoformat(),
    }


def message_payload(message: Message, siblings: list[int] | None = None) -> dict[str, Any]:
    """A message as it stands; the text of one that is being written is that of its generation."""
    told: dict[str, Any] = {
        "id": message.pk,
        "parent": message.parent_id,
        "role": message.role,
        "content": message.text,
        "prefix": message.prefix,
        "html": message.html,
        "status": message.status,
        "siblings": siblings_of(message) if siblings is None else siblings,
        "generation": str(message.generation) if message.generation else None,
        "created": message.created.isoformat(),
    }
    if message.role == Message.Role.ASSISTANT:
        told |= answer_payload(message)
    return told


def answer_payload(message: Message) -> dict[str, Any]:
    """What an answer has besides: counts, speed, why it ended, what it did not read."""
    return {
        "model": message.model.slug if message.model else None,
        "finish_reason": message.finish_reason,
        "usage": message.usage,
        "seconds": round(message.seconds, 3),
        "tokens_per_second": speed_of(message.usage, message.seconds),
        "left_out": message.left_out,
        "flattened": message.flattened,
        "error": message.error,
        "url": message.url,
    }


def speed_of(usage: dict[str, Any], seconds: float) -> float:
    """Tokens a second; 0 where nothing was written."""
    return round(usage.get("completion_tokens", 0) / seconds, 2) if seconds else 0.0


def whole(conversation: Conversation) -> dict[str, Any]:
    """The conversation with the last turns of its shown line; `number` is its stream's."""
    number = number_of(conversation)
    told = {"number": number, "conversation": conversation_payload(conversation)}
    return told | page(conversation)


def number_of(conversation: Conversation) -> int:
    """The number of the newest event of its stream."""
    return Stream.objects.values_list("last_number", flat=True).get(pk=conversation.stream_id)


def page(conversation: Conversation, before: int | None = None) -> dict[str, Any]:
    """Up to LAST turns of the shown line, those above `before`; `more`: there are older ones."""
    turns, more = line_of(conversation, LAST, before)
    told = [message_payload(turn.message, turn.siblings) for turn in turns]
    return {"messages": told, "more": more}

"""Conversations as files. A format is a function and a row of FORMATS."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from playground.models import Conversation, Message
from playground.records.schema import VERSION
from playground.selectors.line import line_of

_NAMES = {Message.Role.USER: "You", Message.Role.ASSISTANT: "Model"}
_SAVED = {Message.Status.QUEUED: "stopped", Message.Status.WRITING: "stopped"}
"""An answer in the making is saved as what there is of it."""


@dataclass(frozen=True, slots=True)
class Format:
    """How a conversation is written, and how browsers are told."""

    content_type: str
    ending: str
    write: Callable[[Conversation], str]


def as_markdown(conversation: Conversation) -> str:
    """The shown line under its title, a heading for each turn."""
    parts = [f"# {conversation.heading}", f"Model: {conversation.model.label}"]
    if conversation.system_prompt:
        parts += ["## System prompt", conversation.system_prompt]
    for turn in line_of(conversation)[0]:
        parts += [f"## {_NAMES[Message.Role(turn.message.role)]}", turn.message.text.strip()]
    return "\n\n".join(parts) + "\n"


def as_text(conversation: Conversation) -> str:
    """The shown line, each turn behind its speaker's name in capitals."""
    rows = (turn.message for turn in line_of(conversation)[0])
    return "\n\n".join(f"{row.role.upper()}:\n{row.text}" for row in rows) + "\n"


def as_json(conversation: Conversation) -> str:
    """The record: every message of every branch."""
    return json.dumps(record_of(conversation), ensure_ascii=False, indent=1)


def record_of(conversation: Conversation) -> dict[str, Any]:
    """The record as plain data; messages are numbered from 1 in the order in which they came."""
    rows = list(Message.objects.filter(conversation=conversation).select_related("model"))
    numbers = {row.pk: number for number, row in enumerate(rows, 1)}
    return {
        "format": "unmask-conversation",
        "version": VERSION,
        "file_name": conversation.file_name,
        "title": conversation.title,
        "folder": conversation.folder,
        "system_prompt": conversation.system_prompt,
        "model": conversation.model.slug,
        "settings": conversation.settings,
        "head": numbers.get(conversation.head_id or 0),
        "messages": [_message(row, numbers) for row in rows],
    }


def _message(row: Message, numbers: dict[int, int]) -> dict[str, Any]:
    return {
        "id": numbers[row.pk],
        "parent": numbers[row.parent_id] if row.parent_id else None,
        "role": row.role,
        "text": row.text,
        "status": _SAVED.get(Message.Status(row.status), row.status),
        "model": row.model.slug if row.model else "",
        "finish_reason": row.finish_reason,
        "usage": {k: v for k, v in row.usage.items() if isinstance(v, int)},
        "seconds": row.seconds,
        "left_out": row.left_out,
        "flattened": row.flattened,
        "created": row.created.isoformat(),
    }


FORMATS = {
    "md": Format("text/markdown; charset=utf-8", "md", as_markdown),
    "txt": Format("text/plain; charset=utf-8", "txt", as_text),
    "json": Format("application/json", "json", as_json),
}

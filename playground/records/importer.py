"""A record becomes a conversation of somebody's, with the same tree."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from django.db import transaction
from django.utils.dateparse import parse_datetime

from core.markdown import render
from inference import registry
from inference.errors import UnmaskError
from inference.models import ModelEntry
from playground.models import Conversation, Message
from playground.records.schema import MessageRecord, checked
from playground.selectors.models import default_for_chat
from playground.services.conversations import create_conversation


@transaction.atomic
def import_record(*, owner: Any, raw: dict[str, Any]) -> Conversation:
    """A conversation with the record's messages, branches and settings.

    The same record brought in again is another conversation with the same content. A model that is
    not here is replaced by that of new conversations. Raises UnmaskError for what is no record.
    """
    record = checked(raw)
    conversation = create_conversation(
        owner=owner,
        model=_model(record.model, owner),
        system_prompt=record.system_prompt,
        title=record.title,
        folder=record.folder,
        settings=record.settings.given(),
        imported_from=hashlib.sha256(json.dumps(raw, sort_keys=True).encode()).hexdigest(),
    )
    rows: dict[int, Message] = {}
    for message in record.messages:
        rows[message.id] = _add(conversation, message, rows)
    conversation.head = rows.get(record.head) if record.head else None
    conversation.save(update_fields=["head"])
    return conversation


def _model(slug: str, user: Any) -> ModelEntry:
    try:
        return registry.resolve(slug, user)
    except UnmaskError:
        return default_for_chat(user)


def _named(conversation: Conversation, slug: str | None) -> ModelEntry | None:
    rows = ModelEntry.visible_to(conversation.owner).filter(slug=slug)
    return rows.first() if slug else None


def _add(conversation: Conversation, message: MessageRecord, rows: dict[int, Message]) -> Message:
    row = Message.objects.create(
        conversation=conversation,
        parent=rows[message.parent] if message.parent else None,
        role=message.role,
        text=message.text,
        html=render(message.text),
        status=message.status,
        model=_named(conversation, message.model),
        finish_reason=message.finish_reason,
        usage=message.usage,
        seconds=message.seconds,
        left_out=message.left_out,
        flattened=message.flattened,
    )
    moment = parse_datetime(message.created)
    if moment is not None and moment.tzinfo is not None:
        Message.objects.filter(pk=row.pk).update(created=moment)
    return row

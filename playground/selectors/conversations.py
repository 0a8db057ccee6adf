"""The doors through which conversations are reached: each takes the user."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from inference.errors import UnmaskError
from playground.models import Conversation, Message

FILE_NAME = re.compile(r"chat_\d{4}(-\d{2}){5}-\d{3}\.txt", re.ASCII)
"""The other form of an id: the name under which a conversation is exported."""


def conversations_of(user: Any, deleted: bool = False) -> QuerySet[Conversation]:
    """The user's conversations, newest first."""
    rows = Conversation.objects.filter(owner=user, deleted__isnull=not deleted)
    return rows.select_related("model", "head")


def conversation_for(user: Any, id: UUID | str, deleted: bool = False) -> Conversation:
    """The user's conversation, by id or by file name.

    Raises not_found for strangers exactly as for ids that never were.
    """
    found = conversations_of(user, deleted).filter(**_key(id)).first()
    if found is None:
        raise no_conversation()
    return found


def _key(id: UUID | str) -> dict[str, Any]:
    if isinstance(id, UUID):
        return {"pk": id}
    if FILE_NAME.fullmatch(id):
        return {"file_name": id}
    try:
        return {"pk": UUID(id)}
    except ValueError:
        raise no_conversation() from None


def no_conversation() -> UnmaskError:
    """What strangers are told, and whoever names one that never was."""
    return UnmaskError(
        "not_found", "There is no such conversation, or it is not yours.", "conversation_id"
    )


def message_for(conversation: Conversation, id: int) -> Message:
    """A message of the conversation. Raises not_found."""
    found = Message.objects.filter(conversation=conversation, pk=id).first()
    if found is None:
        raise UnmaskError("not_found", f"This conversation has no message {id}.", "message_id")
    return found


def folders_of(user: Any) -> list[str]:
    """The names of the user's folders that hold something, in order."""
    rows = conversations_of(user).exclude(folder="").order_by("folder")
    return list(rows.values_list("folder", flat=True).distinct())

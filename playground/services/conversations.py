"""Making conversations, changing what stands over them, putting them away."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone

from inference.events import publish
from inference.models import ModelEntry, Stream
from playground.models import Completion, Conversation, file_name
from playground.selectors.payloads import conversation_payload

TITLE = 60
UNTITLED = "New conversation"


@transaction.atomic
def create_conversation(
    *, owner: Any, model: ModelEntry, system_prompt: str = "", **columns: Any
) -> Conversation:
    """An empty conversation. Raises nothing: its file name is free, whoever else begins now."""
    return Conversation.objects.create(
        owner=owner,
        model=model,
        system_prompt=system_prompt,
        file_name=_free_name(owner),
        stream=Stream.objects.create(),
        **columns,
    )


def _free_name(owner: Any) -> str:
    """The name of this moment; of the next millisecond if two began at once."""
    name = file_name()
    while Conversation.objects.filter(owner=owner, file_name=name).exists():
        name = _later(name)
    return name


def hold(conversation: Conversation) -> None:
    """Inside a transaction: read it again, and let nobody change it until the end."""
    rows = Conversation.objects.select_for_update(no_key=True)
    conversation.refresh_from_db(from_queryset=rows)


@transaction.atomic
def change(*, conversation: Conversation, **columns: Any) -> None:
    """Set title, folder, system prompt, model or settings, and tell everybody who looks."""
    hold(conversation)
    for name, value in columns.items():
        setattr(conversation, name, value)
    conversation.save(update_fields=[*columns, "updated"])
    tell(conversation)


def tell(conversation: Conversation) -> None:
    """Inside a transaction: the conversation has changed."""
    publish(conversation.stream_id, "conversation", conversation_payload(conversation))


def archive(*, conversation: Conversation, archived: bool = True) -> None:
    """Put it into the archive, or take it out."""
    change(conversation=conversation, archived=timezone.now() if archived else None)


def delete(*, conversation: Conversation) -> None:
    """Put it away; its rows stay, so that it can be brought back."""
    change(conversation=conversation, deleted=timezone.now())


def restore(*, conversation: Conversation) -> None:
    """Undo delete."""
    change(conversation=conversation, deleted=None)


def title_from(text: str) -> str:
    """The first words on one line."""
    line = " ".join(text.split())
    return (line[: TITLE - 1] + "…") if len(line) > TITLE else line or UNTITLED


def hand_over(*, giver: Any, taker: Any) -> None:
    """Inside a transaction: give everything to another account, under names that are free there."""
    taken = set(Conversation.objects.filter(owner=taker).values_list("file_name", flat=True))
    for row in Conversation.objects.filter(owner=giver):
        row.owner = taker
        while row.file_name in taken:
            row.file_name = _later(row.file_name)
        row.save(update_fields=["owner", "file_name"])
    Completion.objects.filter(owner=giver).update(owner=taker)


def _later(name: str) -> str:
    return f"{name[:-7]}{(int(name[-7:-4]) + 1) % 1000:03d}.txt"

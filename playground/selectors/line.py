"""The shown line of a conversation: from the head up to the root, with each turn's siblings."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from playground.models import Conversation, Message

Links = dict[int, int | None]
"""Message → its parent, for a whole conversation."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A message of the line, and the ids of all messages at its place, itself among them."""

    message: Message
    siblings: list[int]


def links_of(conversation: Conversation) -> Links:
    """One query, whatever the length: text stays in the database."""
    rows = Message.objects.filter(conversation=conversation).order_by("pk")
    return dict(rows.values_list("pk", "parent_id"))


def path_to(links: Links, id: int | None) -> list[int]:
    """Ids from the root to a message."""
    path: list[int] = []
    while id is not None:
        path.append(id)
        id = links[id]
    return path[::-1]


def line_of(
    conversation: Conversation, last: int | None = None, before: int | None = None
) -> tuple[list[Turn], bool]:
    """The shown line's turns, oldest first, and whether there are older ones.

    `last`: so many of them at most. `before`: only those above this message.
    """
    links = links_of(conversation)
    path = path_to(links, conversation.head_id)
    if before is not None:
        path = path[: path.index(before)] if before in path else []
    wanted = path[-last:] if last is not None else path
    rows = Message.objects.select_related("model").in_bulk(wanted)
    siblings = _siblings(links, {links[id] for id in wanted})
    turns = [Turn(rows[id], siblings[links[id]]) for id in wanted]
    return turns, len(wanted) < len(path)


def _siblings(links: Links, parents: Iterable[int | None]) -> dict[int | None, list[int]]:
    found: dict[int | None, list[int]] = {parent: [] for parent in parents}
    for id, parent in links.items():
        if parent in found:
            found[parent].append(id)
    return found


def above(message: Message) -> list[Message]:
    """The messages from the root to a message's parent."""
    path = path_to(links_of(message.conversation), message.parent_id)
    rows = Message.objects.in_bulk(path)
    return [rows[id] for id in path]


def window_start(conversation: Conversation) -> int | None:
    """The first message of the shown line that its newest answer read; None: it read them all."""
    path = path_to(links_of(conversation), conversation.head_id)
    answers = Message.objects.filter(pk__in=path[-2:], role=Message.Role.ASSISTANT)
    newest = answers.order_by("-pk").values("left_out").first()
    left_out = newest["left_out"] if newest else 0
    return path[left_out] if 0 < left_out < len(path) else None


def siblings_of(message: Message) -> list[int]:
    """Ids of the messages at the same place, in the order in which they came."""
    rows = Message.objects.filter(conversation=message.conversation_id, parent=message.parent_id)
    return list(rows.order_by("pk").values_list("pk", flat=True))


def newest_leaf(conversation: Conversation, id: int) -> int:
    """The end of the line that leads through a message: at each fork the newest one."""
    children: dict[int | None, int] = {}
    for child, parent in links_of(conversation).items():
        children[parent] = child  # ascending ids: the newest stays
    while id in children:
        id = children[id]
    return id


def writing_of(conversation: Conversation) -> Message | None:
    """The answer that is being made, if there is one."""
    rows = Message.objects.filter(conversation=conversation, status__in=Message.ACTIVE)
    return rows.first()

"""What the sockets of conversations ask the database, in one of the sockets' threads."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from core import generation
from core.generation import Generation
from core.sockets.threads import COMMANDS, EVENTS, in_lane
from playground.models import Conversation
from playground.selectors.conversations import conversation_for
from playground.selectors.links import conversation_by_link
from playground.selectors.payloads import whole


@in_lane(COMMANDS)
def find_conversation(user: Any, id: UUID | str) -> Conversation:
    """The user's conversation. Raises UnmaskError."""
    return conversation_for(user, id)


@in_lane(EVENTS)
def find_by_link(token: str) -> Conversation:
    """What a link shows. Raises UnmaskError."""
    return conversation_by_link(token)


@in_lane(COMMANDS)
def take_whole(user: Any, conversation: Conversation) -> dict[str, Any]:
    """The conversation as it stands. Raises UnmaskError once it has been put away."""
    return whole(conversation_for(user, conversation.pk))


@in_lane(COMMANDS)
def find_generation(user: Any, id: str) -> Generation:
    """The generation of an answer. Raises UnmaskError."""
    return generation.find(user=user, id=id)

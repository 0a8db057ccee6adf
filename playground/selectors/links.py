"""Who reads a conversation through a link. For anybody else there is none."""

from __future__ import annotations

from django.db.models import QuerySet

from core import links
from playground.models import Conversation, ConversationLink


def open_links() -> QuerySet[ConversationLink]:
    """Links that open something: not revoked, not expired, to a conversation that is there."""
    return links.opening(
        ConversationLink.objects.filter(
            conversation__deleted=None, conversation__owner__is_active=True
        )
    )


def open_link(token: str) -> ConversationLink:
    """A link with its conversation. Raises not_found for revoked and unknown ones alike."""
    rows = open_links().select_related("conversation__model", "conversation__head")
    link = links.of_token(rows.select_related("conversation__owner"), token).first()
    if link is None:
        raise links.closed()
    return link


def conversation_by_link(token: str) -> Conversation:
    """What a link shows. Raises not_found as `open_link` does."""
    return open_link(token).conversation


def links_of(conversation: Conversation) -> QuerySet[ConversationLink]:
    """The links to an owned conversation that have not been revoked, newest first."""
    return links.unrevoked(ConversationLink.objects.filter(conversation=conversation))


def link_of(conversation: Conversation, id: int) -> ConversationLink:
    """A link to an owned conversation that has not been revoked. Raises not_found."""
    rows = ConversationLink.objects.filter(conversation=conversation)
    return links.one_of(rows, id, "conversation")

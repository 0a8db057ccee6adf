"""Links through which others may read a conversation."""

from __future__ import annotations

from core import links
from playground.models import Conversation, ConversationLink


def share(
    *,
    conversation: Conversation,
    name: str = "",
    hours: int | None = None,
    may_write: bool = False,
) -> tuple[ConversationLink, str]:
    """A new link and its token, which is not kept. `hours`: how long it opens the conversation.
    `may_write`: whoever has it may write turns too.

    Raises UnmaskError (conflict) when there are core.links.MOST_LINKS already.
    """
    rows = ConversationLink.objects.filter(conversation=conversation)
    return links.make(
        rows,
        what="conversation",
        hours=hours,
        conversation=conversation,
        name=name,
        may_write=may_write,
    )

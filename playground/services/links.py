"""Links through which others may read a conversation."""

from __future__ import annotations

import secrets
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from accounts.tokens import hash_of
from inference.errors import UnmaskError
from playground.models import Conversation, ConversationLink
from playground.selectors.links import links_of

MOST_LINKS = 50


@transaction.atomic
def share(
    *,
    conversation: Conversation,
    name: str = "",
    hours: int | None = None,
    may_write: bool = False,
) -> tuple[ConversationLink, str]:
    """A new link and its token, which is not kept. `hours`: how long it opens the conversation.
    `may_write`: whoever has it may write turns too.

    Raises UnmaskError (conflict) when there are MOST_LINKS already.
    """
    if links_of(conversation).count() >= MOST_LINKS:
        raise UnmaskError("conflict", f"A conversation has at most {MOST_LINKS} links. Revoke one.")
    token = secrets.token_urlsafe(32)
    expires = timezone.now() + timedelta(hours=hours) if hours else None
    link = ConversationLink.objects.create(
        conversation=conversation,
        name=name,
        hash=hash_of(token),
        expires=expires,
        may_write=may_write,
    )
    return link, token


def unshare(*, link: ConversationLink) -> None:
    """From now on the link opens nothing; whoever reads through it is sent away."""
    ConversationLink.objects.filter(pk=link.pk, revoked=None).update(revoked=timezone.now())

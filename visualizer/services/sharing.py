"""Links through which others may look at a session."""

from __future__ import annotations

import secrets
from datetime import timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.tokens import hash_of
from inference.errors import UnmaskError
from visualizer.models import Session, ShareLink
from visualizer.selectors.readers import Holder, links_of

MOST_LINKS = 50
USED_EVERY = timedelta(minutes=1)


@transaction.atomic
def share(*, session: Session, name: str = "", hours: int | None = None) -> tuple[ShareLink, str]:
    """A new link and its token, which is not kept. `hours`: how long it opens the session.

    Raises UnmaskError (conflict) when the session has MOST_LINKS already.
    """
    if links_of(session).count() >= MOST_LINKS:
        raise UnmaskError("conflict", f"A session has at most {MOST_LINKS} links. Revoke one.")
    token = secrets.token_urlsafe(32)
    expires = timezone.now() + timedelta(hours=hours) if hours else None
    link = ShareLink.objects.create(
        session=session, name=name, hash=hash_of(token), expires=expires
    )
    return link, token


def unshare(*, link: ShareLink) -> None:
    """From now on the link opens nothing; whoever looks through it is sent away."""
    ShareLink.objects.filter(pk=link.pk, revoked=None).update(revoked=timezone.now())


def mark_used(holder: Holder) -> None:
    """Note that somebody came through the link, once a minute at most."""
    now = timezone.now()
    stale = Q(last_used=None) | Q(last_used__lt=now - USED_EVERY)
    ShareLink.objects.filter(stale, pk=holder.link).update(last_used=now)

"""Links through which others may look at a session."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from core import links
from visualizer.models import Session, ShareLink
from visualizer.selectors.readers import Holder

USED_EVERY = timedelta(minutes=1)


def share(*, session: Session, name: str = "", hours: int | None = None) -> tuple[ShareLink, str]:
    """A new link and its token, which is not kept. `hours`: how long it opens the session.

    Raises UnmaskError (conflict) when the session has core.links.MOST_LINKS already.
    """
    rows = ShareLink.objects.filter(session=session)
    return links.make(rows, what="session", hours=hours, session=session, name=name)


def mark_used(holder: Holder) -> None:
    """Note that somebody came through the link, once a minute at most."""
    now = timezone.now()
    stale = Q(last_used=None) | Q(last_used__lt=now - USED_EVERY)
    ShareLink.objects.filter(stale, pk=holder.link).update(last_used=now)

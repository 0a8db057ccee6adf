"""Who looks at a session: its owner, or whoever holds a link. For anybody else there is none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from core import links
from visualizer.models import Branch, Session, ShareLink
from visualizer.selectors.sessions import no_session, session_for, sessions_of


@dataclass(frozen=True, slots=True)
class Owner:
    """An account, which sees all its sessions."""

    user: Any


@dataclass(frozen=True, slots=True)
class Holder:
    """Somebody with a link, who sees its one session, with or without an account."""

    link: int
    session: UUID


Reader = Owner | Holder


def open_links() -> QuerySet[ShareLink]:
    """Links that open something: not revoked, not expired, to a session that is there."""
    rows = ShareLink.objects.filter(session__deleted=None, session__owner__is_active=True)
    return links.opening(rows)


def holder_of(token: str) -> Holder:
    """Who comes with this token. Raises not_found for revoked, expired and unknown ones alike."""
    row = links.of_token(open_links(), token).values_list("pk", "session_id").first()
    if row is None:
        raise links.closed()
    return Holder(*row)


def still_open(holder: Holder) -> bool:
    """Whether the link has not been revoked or expired since."""
    return open_links().filter(pk=holder.link).exists()


def session_read_by(reader: Reader, id: UUID | str | None = None) -> Session:
    """The session that a reader may see; a holder need not name it. Raises not_found."""
    if isinstance(reader, Owner):
        return session_for(reader.user, id or "")
    if not still_open(reader) or (id is not None and str(id) != str(reader.session)):
        raise no_session()
    return Session.objects.select_related("model__vocabulary", "head_branch").get(pk=reader.session)


def branches_read_by(reader: Reader) -> QuerySet[Branch]:
    """The branches of every session that a reader may see, the pruned ones left out."""
    if isinstance(reader, Owner):
        sessions: Any = sessions_of(reader.user).values("pk")
    else:
        sessions = open_links().filter(pk=reader.link).values("session")
    return Branch.objects.filter(session__in=sessions, pruned=None)


def links_of(session: Session) -> QuerySet[ShareLink]:
    """The links to an owned session that have not been revoked, newest first."""
    return links.unrevoked(ShareLink.objects.filter(session=session))


def link_of(session: Session, id: int) -> ShareLink:
    """A link to an owned session that has not been revoked. Raises not_found."""
    return links.one_of(ShareLink.objects.filter(session=session), id, "session")


def link_payload(link: ShareLink) -> dict[str, Any]:
    """What its owner is told of a link; times in ISO 8601, null where there is none."""
    moments = {name: getattr(link, name) for name in ("created", "expires", "last_used")}
    told = {name: moment.isoformat() if moment else None for name, moment in moments.items()}
    return {"id": link.pk, "name": link.name, **told}

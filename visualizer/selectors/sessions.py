"""The doors through which rows are reached: each takes the user."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from inference.errors import UnmaskError
from visualizer.models import Branch, Session

User = Any


def sessions_of(user: User, deleted: bool = False) -> QuerySet[Session]:
    """The user's sessions, newest first."""
    rows = Session.objects.filter(owner=user, deleted__isnull=not deleted)
    return rows.select_related("model__vocabulary", "head_branch")


def session_for(user: User, id: UUID | str, deleted: bool = False) -> Session:
    """The user's session. Raises not_found for strangers exactly as for ids that never were."""
    try:
        key = id if isinstance(id, UUID) else UUID(id)
    except ValueError:
        raise no_session() from None
    session = sessions_of(user, deleted).filter(pk=key).first()
    if session is None:
        raise no_session()
    return session


def branch_for(session: Session, id: int, pruned: bool = False) -> Branch:
    """A branch of the session. Pruned ones are found only if asked for."""
    rows = Branch.objects.filter(session=session, pk=id)
    branch = (rows if pruned else rows.filter(pruned__isnull=True)).first()
    if branch is None:
        raise UnmaskError("not_found", f"This session has no branch {id}.", "branch")
    return branch


def no_session() -> UnmaskError:
    """The same words for ids that never were and for those of others."""
    return UnmaskError("not_found", "There is no such session, or it is not yours.", "session_id")

"""What the visualizer's consumers ask the database, in one of the sockets' threads."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from core.sockets.threads import COMMANDS, EVENTS, in_lane
from inference.models import ModelEntry
from visualizer import partials
from visualizer.commands.shared import read_shared
from visualizer.models import Session
from visualizer.selectors import session_for, snapshot
from visualizer.selectors.readers import Holder, holder_of, session_read_by, still_open
from visualizer.selectors.snapshots import last_number
from visualizer.services.sharing import mark_used


@in_lane(COMMANDS)
def render(type: str, payload: dict[str, Any], session: Session, token: str = "") -> str:
    """The partials of an event; `token` is that of a reader's link."""
    return partials.render_for(type, payload, session, token)


@in_lane(EVENTS)
def enter(token: str) -> tuple[Holder, Session]:
    """Whoever holds a link, and what it shows. Raises UnmaskError."""
    holder = holder_of(token)
    mark_used(holder)
    return holder, session_read_by(holder)


@in_lane(EVENTS)
def link_opens(holder: Holder) -> bool:
    """Whether the link has not been revoked or expired since."""
    return still_open(holder)


@in_lane(COMMANDS)
def read(holder: Holder, message: dict[str, Any]) -> dict[str, Any]:
    """Answer a reader. Raises UnmaskError."""
    return read_shared(holder=holder, message=message)


@in_lane(COMMANDS)
def find_session(user: Any, id: UUID | str) -> Session:
    """The user's session. Raises UnmaskError."""
    return session_for(user, id)


@in_lane(EVENTS)
def newest(session: Session) -> int:
    """The number of the session's newest event."""
    return last_number(session)


@in_lane(COMMANDS)
def take_snapshot(session: Session) -> dict[str, Any]:
    """All that a client needs that starts to look."""
    return snapshot(session)


@in_lane(EVENTS)
def model_status(slug: str | None) -> dict[str, Any]:
    """The model_status message for the socket's model, the default one at first."""
    rows = (
        ModelEntry.every.filter(slug=slug) if slug else ModelEntry.objects.filter(is_default=True)
    )
    entry = rows.first()
    loaded = entry is not None and entry.state == ModelEntry.State.LOADED
    path = entry.slug if entry is not None and loaded else None
    return {"type": "model_status", "is_loaded": loaded, "model_path": path}

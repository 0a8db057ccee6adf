"""What consumers ask the database; every function is called in a thread."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from channels.db import database_sync_to_async

from inference.events import Event, events_after
from inference.models import ModelEntry
from visualizer.commands import submit as submit_command
from visualizer.models import Command, Session
from visualizer.selectors import session_for, snapshot
from visualizer.selectors.snapshots import last_number


@database_sync_to_async  # type: ignore[untyped-decorator]
def submit(user: Any, channel: str, message: dict[str, Any], session_id: UUID | None) -> Command:
    """Carry out or dispatch a command for the socket's session."""
    session = Session(pk=session_id) if session_id else None
    return submit_command(user=user, channel=channel, message=message, session=session)


@database_sync_to_async  # type: ignore[untyped-decorator]
def reply_of(command_id: int) -> str:
    """A command's reply, empty while it is pending."""
    return Command.objects.values_list("reply", flat=True).filter(pk=command_id).first() or ""


@database_sync_to_async  # type: ignore[untyped-decorator]
def find_session(user: Any, id: UUID | str) -> Session:
    """The user's session. Raises UnmaskError."""
    return session_for(user, id)


@database_sync_to_async  # type: ignore[untyped-decorator]
def events_since(stream: UUID | str, number: int, limit: int) -> list[Event]:
    """Events of a stream after a number."""
    return events_after(stream, number, limit)


@database_sync_to_async  # type: ignore[untyped-decorator]
def newest(session: Session) -> int:
    """The number of the session's newest event."""
    return last_number(session)


@database_sync_to_async  # type: ignore[untyped-decorator]
def take_snapshot(session: Session) -> dict[str, Any]:
    """All that a client needs that starts to look."""
    return snapshot(session)


@database_sync_to_async  # type: ignore[untyped-decorator]
def model_status(slug: str | None) -> dict[str, Any]:
    """The model_status message of 001 for the socket's model, the default one at first."""
    rows = (
        ModelEntry.objects.filter(slug=slug) if slug else ModelEntry.objects.filter(is_default=True)
    )
    entry = rows.first()
    loaded = entry is not None and entry.state == ModelEntry.State.LOADED
    path = entry.slug if entry is not None and loaded else None
    return {"type": "model_status", "is_loaded": loaded, "model_path": path}

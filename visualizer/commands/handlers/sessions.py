"""Listing, opening, following, renaming and putting away sessions."""

from __future__ import annotations

from typing import Any

from django.utils.dateparse import parse_datetime

from inference.errors import UnmaskError
from visualizer.commands.requests import Request
from visualizer.models import Session
from visualizer.selectors import generation_state, session_for, sessions_of, state_at
from visualizer.selectors.event_payloads import session_payload
from visualizer.selectors.snapshots import last_number
from visualizer.services import sessions


def list_sessions(request: Request) -> dict[str, Any]:
    """session_list: newest first; `next` is what to give as `before` for the next page."""
    rows = sessions_of(request.user)
    if request.message.before is not None:
        rows = rows.filter(updated__lt=_moment(request.message.before))
    found = list(rows[: request.message.limit + 1])
    shown = found[: request.message.limit]
    more = shown[-1].updated.isoformat() if len(found) > len(shown) else None
    return {"type": "session_list", "sessions": [_entry(row) for row in shown], "next": more}


def open_session(request: Request) -> dict[str, Any]:
    """session_opened: the state, and the number after which events follow."""
    session = request.session
    number = last_number(session)
    return {
        "type": "session_opened",
        "session_id": str(session.pk),
        "session": session_payload(session),
        "number": number,
        "state": generation_state(session),
        "is_complete": state_at(session).is_complete,
    }


def resume(request: Request) -> dict[str, Any]:
    """resumed: events after `after` follow; without it only what comes from now on."""
    number = last_number(request.session)
    after = number if request.message.after is None else request.message.after
    if after > number:
        raise UnmaskError("validation", f"after must be at most {number}.", "after")
    return {
        "type": "resumed",
        "session_id": str(request.session.pk),
        "after": after,
        "number": number,
    }


def rename_session(request: Request) -> dict[str, Any]:
    """session_changed."""
    sessions.rename_session(session=request.session, title=request.message.title)
    return _changed(request.session)


def delete_session(request: Request) -> dict[str, Any]:
    """session_changed: the session is put away."""
    sessions.delete_session(session=request.session)
    return _changed(request.session)


def restore_session(request: Request) -> dict[str, Any]:
    """session_changed: the session is back."""
    session = session_for(request.user, request.message.session_id, deleted=True)
    sessions.restore_session(session=session)
    return _changed(session)


def _changed(session: Session) -> dict[str, Any]:
    return {
        "type": "session_changed",
        "session_id": str(session.pk),
        "session": session_payload(session),
    }


def _entry(session: Session) -> dict[str, Any]:
    return {
        "session_id": str(session.pk),
        "title": session.title,
        "model": session.model.slug,
        "step": session.head_number,
        "gen_length": session.gen_length,
        "updated": session.updated.isoformat(),
    }


def _moment(text: str) -> Any:
    try:
        moment = parse_datetime(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise UnmaskError("validation", "before must be a time with its zone.", "before")
    return moment

"""What consumers ask the database; every function is called in one of a few threads."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import wraps
from typing import Any, ParamSpec, TypeVar
from uuid import UUID

from asgiref.sync import sync_to_async

from accounts.sockets import still_allowed
from inference.connections import kept_open
from inference.events import Event, events_after
from inference.models import ModelEntry
from visualizer import partials
from visualizer.commands import read as read_command
from visualizer.commands import submit as submit_command
from visualizer.models import Command, Session
from visualizer.selectors import session_for, snapshot
from visualizer.selectors.readers import Holder, holder_of, session_read_by, still_open
from visualizer.selectors.snapshots import last_number
from visualizer.services.sharing import mark_used

P = ParamSpec("P")
R = TypeVar("R")
THREADS = 4
_POOL = ThreadPoolExecutor(THREADS, "sockets")
"""All sockets share these, so that one slow question does not hold up everybody else's."""


def in_thread(function: Callable[P, R]) -> Callable[P, Awaitable[R]]:
    """The function for consumers: awaited, run in the pool, with a connection that stays open."""
    run = sync_to_async(kept_open(function), thread_sensitive=False, executor=_POOL)

    @wraps(function)
    async def call(*args: P.args, **kwargs: P.kwargs) -> R:
        return await run(*args, **kwargs)

    return call


class Unwelcome(Exception):
    """The socket's caller is nobody any more."""


@in_thread
def allowed(scope: dict[str, Any]) -> bool:
    """Whether the socket's caller is still signed in."""
    return still_allowed(scope)


@in_thread
def submit(
    scope: dict[str, Any], channel: str, message: dict[str, Any], session_id: UUID | None
) -> Command:
    """Carry out or dispatch a command for the socket's session. Raises Unwelcome."""
    if not still_allowed(scope):
        raise Unwelcome
    session = Session(pk=session_id) if session_id else None
    return submit_command(user=scope["user"], channel=channel, message=message, session=session)


@in_thread
def render(type: str, payload: dict[str, Any], session: Session, token: str = "") -> str:
    """The partials of an event; `token` is that of a reader's link."""
    return partials.render_for(type, payload, session, token)


@in_thread
def enter(token: str) -> tuple[Holder, Session]:
    """Whoever holds a link, and what it shows. Raises UnmaskError."""
    holder = holder_of(token)
    mark_used(holder)
    return holder, session_read_by(holder)


@in_thread
def link_opens(holder: Holder) -> bool:
    """Whether the link has not been revoked or expired since."""
    return still_open(holder)


@in_thread
def read(holder: Holder, message: dict[str, Any]) -> dict[str, Any]:
    """Answer a reader. Raises UnmaskError."""
    return read_command(holder=holder, message=message)


@in_thread
def reply_of(command_id: int) -> str:
    """A command's reply, empty while it is pending."""
    return Command.objects.values_list("reply", flat=True).filter(pk=command_id).first() or ""


@in_thread
def find_session(user: Any, id: UUID | str) -> Session:
    """The user's session. Raises UnmaskError."""
    return session_for(user, id)


@in_thread
def events_since(stream: UUID | str, number: int, limit: int) -> list[Event]:
    """Events of a stream after a number."""
    return events_after(stream, number, limit)


@in_thread
def newest(session: Session) -> int:
    """The number of the session's newest event."""
    return last_number(session)


@in_thread
def take_snapshot(session: Session) -> dict[str, Any]:
    """All that a client needs that starts to look."""
    return snapshot(session)


@in_thread
def model_status(slug: str | None) -> dict[str, Any]:
    """The model_status message for the socket's model, the default one at first."""
    rows = (
        ModelEntry.objects.filter(slug=slug) if slug else ModelEntry.objects.filter(is_default=True)
    )
    entry = rows.first()
    loaded = entry is not None and entry.state == ModelEntry.State.LOADED
    path = entry.slug if entry is not None and loaded else None
    return {"type": "model_status", "is_loaded": loaded, "model_path": path}

"""Events: a numbered row is the record, the channel layer is only the bell.

`publish` must run inside the transaction that changes what the event tells of; the bell rings
after that transaction has been committed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F

from inference.bells import send
from inference.models import Stream, StreamEvent


@dataclass(frozen=True, slots=True)
class Event:
    """What travels: the stream, the gapless number in it, a type and its payload."""

    stream: str
    number: int
    type: str
    payload: dict[str, Any]


_gathering: ContextVar[list[tuple[str, str, dict[str, Any]]] | None] = ContextVar(
    "gathering", default=None
)


def stream_group(stream_id: UUID | str) -> str:
    """Channel-layer group whose members hear the bells of a stream."""
    return f"stream.{stream_id}"


MODELS_GROUP = "models"
"""Bells {type: "model.bell", slug, state, progress}: a model's row has changed."""


def user_group(user_id: int) -> str:
    """Channel-layer group of all sockets of a user."""
    return f"user.{user_id}"


def publish(stream_id: UUID | str, type: str, payload: dict[str, Any]) -> None:
    """Append an event to a stream; its bell rings after the commit."""
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("publish() belongs into the transaction that it tells of")
    gathering = _gathering.get()
    if gathering is not None:
        gathering.append((str(stream_id), type, payload))
    else:
        _append(str(stream_id), [(type, payload)])


@contextmanager
def gathered() -> Iterator[None]:
    """Write all events published inside at the end, at once: a step has several.

    Whoever reads a stream's number inside does not see them yet.
    """
    waiting: list[tuple[str, str, dict[str, Any]]] = []
    token = _gathering.set(waiting)
    try:
        yield
    finally:
        _gathering.reset(token)
    for stream_id in dict.fromkeys(stream for stream, _, _ in waiting):
        _append(stream_id, [event[1:] for event in waiting if event[0] == stream_id])


def _append(stream_id: str, new: list[tuple[str, dict[str, Any]]]) -> None:
    """Number the events by the stream's own counter, whose row is held until the commit."""
    Stream.objects.filter(pk=stream_id).update(last_number=F("last_number") + len(new))
    last = Stream.objects.values_list("last_number", flat=True).get(pk=stream_id)
    numbered = enumerate(new, last - len(new) + 1)
    events = [Event(stream_id, number, type, payload) for number, (type, payload) in numbered]
    StreamEvent.objects.bulk_create(
        StreamEvent(stream_id=e.stream, number=e.number, type=e.type, payload=e.payload)
        for e in events
    )
    transaction.on_commit(lambda: _ring(events))


def _ring(events: list[Event]) -> None:
    """One bell for events of one stream that were written together."""
    bell = {"type": "bell", "events": [asdict(event) for event in events]}
    send(stream_group(events[0].stream), bell)


@dataclass(frozen=True, slots=True)
class Backlog:
    """Events after a number; `trimmed`: the next one has been pruned, so they tell not all."""

    events: list[Event]
    trimmed: bool = False


def backlog(stream_id: UUID | str, number: int, limit: int = 500) -> Backlog:
    """The events of a stream after `number`, and whether the oldest of them is still kept."""
    events = events_after(stream_id, number, limit)
    if not events:
        last = Stream.objects.values_list("last_number", flat=True).filter(pk=stream_id).first()
        if (last or 0) <= number:
            return Backlog([])
        events = events_after(stream_id, number, limit)  # written between the two queries, or gone
    return Backlog(events, not events or events[0].number > number + 1)


def events_after(stream_id: UUID | str, number: int, limit: int = 500) -> list[Event]:
    """The events of a stream after `number`, oldest first, at most `limit`."""
    rows = StreamEvent.objects.filter(stream_id=stream_id, number__gt=number)[:limit]
    return [Event(str(stream_id), row.number, row.type, row.payload) for row in rows]

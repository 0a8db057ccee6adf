"""Events: a numbered row is the record, the channel layer is only the bell.

`publish` must run inside the transaction that changes what the event tells of; the bell rings
after that transaction has been committed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from inference.bells import send_all
from inference.models import Stream, StreamEvent
from inference.statements import Insert, Update, encoded


class Event(NamedTuple):
    """What travels: the stream, the gapless number in it, a type and its payload."""

    stream: str
    number: int
    type: str
    payload: dict[str, Any]


Published = tuple[str, str, dict[str, Any]]
"""What is to be told: the stream, type and payload."""
ROWS = 100
"""Rows of one statement, far below the number of values that a database takes."""
_gathering: ContextVar[list[Published] | None] = ContextVar("gathering", default=None)


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
    event = (str(stream_id), type, payload)
    if gathering is not None:
        gathering.append(event)
    else:
        _append([event])


@contextmanager
def gathered() -> Iterator[None]:
    """Write all events published inside at the end, at once: a step has several.

    Whoever reads a stream's number inside does not see them yet.
    """
    waiting: list[Published] = []
    token = _gathering.set(waiting)
    try:
        yield
    finally:
        _gathering.reset(token)
    _append(waiting)


WRITE = Insert(StreamEvent, "stream", "number", "type", "payload", "created")


@cache
def _number(streams: int) -> Update:
    """Adds to the numbers of so many streams at once."""
    more = "{last_number} + CASE {id} " + "WHEN %s THEN %s " * streams + "END"
    return Update(Stream, {"last_number": more}, ["id"], ["id", "last_number"], rows=streams)


def _append(new: Sequence[Published]) -> None:
    """Number the events by their streams' own counters, whose rows are held until the commit."""
    by_stream: dict[str, list[Published]] = {}
    for event in new:
        by_stream.setdefault(event[0], []).append(event)
    streams = list(by_stream)
    told = [
        events
        for first in range(0, len(streams), ROWS)
        for events in _numbered({one: by_stream[one] for one in streams[first : first + ROWS]})
    ]
    now = timezone.now()
    rows = [
        (event.stream, event.number, event.type, encoded(event.payload), now)
        for events in told
        for event in events
    ]
    for first in range(0, len(rows), ROWS):
        WRITE(*rows[first : first + ROWS])
    if told:
        # robust: what is committed must not look as if it had failed
        transaction.on_commit(lambda: _ring(told), robust=True)


def _numbered(new: dict[str, list[Published]]) -> list[list[Event]]:
    """The events of each stream with their numbers. Raises Stream.DoesNotExist."""
    number = _number(len(new))
    keys = {stream: number.adapt("id", stream) for stream in new}
    given = [one for stream, events in new.items() for one in (keys[stream], len(events))]
    last = dict(number(given, *([stream] for stream in new)))
    missing = [stream for stream, key in keys.items() if key not in last]
    if missing:
        raise Stream.DoesNotExist(f"there is no stream {missing[0]}")
    return [_in_order(events, last[keys[stream]]) for stream, events in new.items()]


def _in_order(new: list[Published], last: int) -> list[Event]:
    """Events of one stream, the newest of which has the number `last`."""
    first = last - len(new) + 1
    return [Event(stream, n, type, payload) for n, (stream, type, payload) in enumerate(new, first)]


def _ring(told: list[list[Event]]) -> None:
    """One bell for the events of each stream that were written together."""
    send_all(
        (
            stream_group(events[0].stream),
            {"type": "bell", "events": [event._asdict() for event in events]},
        )
        for events in told
    )


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

"""Events: a numbered row is the record, the channel layer is only the bell.

`publish` must run inside the transaction that changes what the event tells of; the bell rings
after that transaction has been committed.
"""

from __future__ import annotations

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


def stream_group(stream_id: UUID | str) -> str:
    """Channel-layer group whose members hear the bells of a stream."""
    return f"stream.{stream_id}"


def user_group(user_id: int) -> str:
    """Channel-layer group of all sockets of a user."""
    return f"user.{user_id}"


def publish(stream_id: UUID | str, type: str, payload: dict[str, Any]) -> Event:
    """Append an event to a stream and ring its bell after commit. Returns it with its number."""
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("publish() belongs into the transaction that it tells of")
    Stream.objects.filter(pk=stream_id).update(last_number=F("last_number") + 1)
    number = Stream.objects.values_list("last_number", flat=True).get(pk=stream_id)
    StreamEvent.objects.create(stream_id=stream_id, number=number, type=type, payload=payload)
    event = Event(str(stream_id), number, type, payload)
    message = {"type": "bell", "event": asdict(event)}
    transaction.on_commit(lambda: send(stream_group(stream_id), message))
    return event


def events_after(stream_id: UUID | str, number: int, limit: int = 500) -> list[Event]:
    """The events of a stream after `number`, oldest first, at most `limit`."""
    rows = StreamEvent.objects.filter(stream_id=stream_id, number__gt=number)[:limit]
    return [Event(str(stream_id), row.number, row.type, row.payload) for row in rows]

"""`GET /api/generations/ID/passes`: what each forward pass of a generation wrote, as it happens."""

from __future__ import annotations

from contextlib import aclosing
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe

from core import generation
from core.generation.trace import Traced, traced
from core.http import sse
from core.http.sse import Frame, Frames
from core.sockets.database import in_events_lane
from inference.errors import UnmaskError
from playground.views.api import signed_in

ROUTE = "passes"
END_ID = "end"
"""The id of a stream's last event."""


@require_safe
async def passes(request: HttpRequest, generation_id: UUID) -> HttpResponseBase:
    """Server-sent events: `start` with the places, `pass` for each forward pass, `end`.

    An event's id is the number of the last pass; a client that comes back with it goes on there.
    Behind the end there is nothing: 204, which tells a browser's EventSource to come back no more.
    """
    user = await signed_in(request)
    seen = request.headers.get("Last-Event-ID", "0")
    made = await in_events_lane(generation.find)(user=user, id=generation_id)
    of = await in_events_lane(traced)(user=user, id=generation_id)
    if seen == END_ID:
        return HttpResponse(status=204)
    frames = sse.guarded(_frames(of, made, user, _number(seen)))
    return sse.respond(frames, ROUTE, user.pk)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise UnmaskError("validation", "This is no id of an event of ours.", "Last-Event-ID")
    return int(text)


async def _frames(of: Traced, made: generation.Generation, user: Any, after: int) -> Frames:
    started = after > 0
    async with aclosing(generation.follow(made)) as events:
        async for event in events:
            if event is not None and not started:
                places = await in_events_lane(of.positions)(user=user, id=made.id)
                if places is not None:
                    started = True
                    yield Frame({"type": "start", "kind": made.kind, "places": _pairs(places)})
            if event is None:
                yield None
                continue
            for one in await in_events_lane(of.passes)(user=user, id=made.id, after=after):
                after = one.number
                yield Frame({"type": "pass", **one.payload()}, str(after))
            if event.type in generation.ENDS:
                yield Frame({**event.payload, "type": _ENDS[event.type]}, END_ID)


_ENDS = {"done": "end", "error": "error"}


def _pairs(places: list[Any]) -> list[tuple[int, str | None]]:
    return [(place.slot, place.text) for place in places]

"""Starting a generation for a request, waiting for it, streaming it, resuming its stream."""

from __future__ import annotations

import asyncio
from typing import Any

from asgiref.sync import sync_to_async
from django.http import HttpResponse
from django.http.response import HttpResponseBase

from core import generation
from core.generation import Generation
from core.http import sse
from core.http.stream_log import timed
from inference.errors import UnmaskError, error_shape
from visualizer.api.frames import FrameWriter, completed, written
from visualizer.api.orders import Order, start
from visualizer.selectors.canvas_texts import canvas_texts


async def complete(order: Order) -> dict[str, Any]:
    """Start a generation and wait for its end: the fields of `Completed`."""
    made = await sync_to_async(start)(order)
    async with timed(order.route, order.user.pk, made.model):
        asked = order.asked
        found = await generation.collect(made, order.user, asked.timeout, asked.detach)
    assert found.done is not None
    told = completed(made, found.done, order.text_filter)
    history: list[str] = []
    if order.asked.history and told["session_id"]:
        history = await sync_to_async(canvas_texts)(made.id)
    return told | {"history": history}


async def complete_all(orders: list[Order]) -> list[dict[str, Any]]:
    """A result, or an error in the one shape, for each; they are worked side by side."""
    return list(await asyncio.gather(*map(_complete_or_error, orders)))


async def _complete_or_error(order: Order) -> dict[str, Any]:
    try:
        return await complete(order)
    except UnmaskError as error:
        return error_shape(error)


async def stream(order: Order, last_event_id: str | None) -> HttpResponseBase:
    """Frames as they are made. With the Last-Event-ID of a stream, that one goes on."""
    resumed = await resumable(order.user, last_event_id)
    made, after = resumed or (await sync_to_async(start)(order), None)
    return await follow(order, made, after)


async def follow(order: Order, made: Generation, after: int | None) -> HttpResponseBase:
    """The stream of a generation after an event; 204 behind its last one.

    That status tells a browser's EventSource to come back no more. Raises UnmaskError (validation)
    for a number that the stream has not reached.
    """
    if after is not None and await sync_to_async(_is_over)(made, after):
        return HttpResponse(status=204)
    events = generation.watch(
        made, order.user, seconds=order.asked.timeout, detach=order.asked.detach
    )
    writer = FrameWriter(made, order.text_filter)
    frames = sse.guarded(written(writer, events, order.message, after))
    return sse.respond(frames, f"{order.route}/stream", order.user.pk, made.model)


def _is_over(made: Generation, after: int) -> bool:
    told = generation.generator(made.kind).snapshot(stream=made.stream)
    if after > told["number"]:
        raise UnmaskError("validation", _NEVER_SENT, "Last-Event-ID")
    return told["end"] is not None and after == told["number"]


_NEVER_SENT = "This is no id of a frame of ours."


async def resumable(user: Any, last_event_id: str | None) -> tuple[Generation, int] | None:
    """The generation and the event's number that a Last-Event-ID names; None without one.

    Raises UnmaskError: validation for one that this site never sent, not_found for a stranger's.
    """
    if not last_event_id:
        return None
    run, _, number = last_event_id.rpartition(":")
    if not (number.isascii() and number.isdigit() and len(number) < 16):
        raise UnmaskError("validation", _NEVER_SENT, "Last-Event-ID")
    return await sync_to_async(generation.find)(user=user, id=run), int(number)

"""Following a generation's stream, and stopping a generation whose client has gone."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine
from contextlib import aclosing, suppress
from typing import Any

from channels.layers import get_channel_layer

from core.generation.seam import Generation, generator
from core.sockets import database
from inference.errors import UnmaskError
from inference.events import Event, stream_group

ENDS = frozenset({"done", "error"})
"""Events after which a stream carries nothing more."""
Bell = dict[str, Any]
POLL_SECONDS = 1.0
BACKLOG = 500
RETURN_SECONDS = 3.0
"""A client whose connection broke may come back this long before its generation is stopped."""


async def follow(made: Generation, after: int = 0) -> AsyncGenerator[Event | None]:
    """Every event of a generation after a number, once and in order, to its end.

    None comes about once a second while nothing happens: a moment to look whether the client is
    still there. Where events were pruned, one of type `snapshot` stands for all up to its number.
    """
    layer = get_channel_layer()
    assert layer is not None
    channel = await layer.new_channel("generation")
    await layer.group_add(stream_group(made.stream), channel)
    bell: Bell | None = None
    try:
        while True:
            async for event in _next(made, after, bell):
                after = event.number
                yield event
                if event.type in ENDS:
                    return
            bell = await _rung(layer, channel)
            if bell is None:
                yield None
    finally:
        await layer.group_discard(stream_group(made.stream), channel)


def _next(made: Generation, after: int, bell: Bell | None) -> AsyncIterator[Event]:
    """What a bell brought, if that follows on what is known; else the rows."""
    told = [Event(**one) for one in bell["events"]] if bell else []
    fresh = [event for event in told if event.number > after]
    if bell is not None and (not fresh or fresh[0].number == after + 1):
        return _each(fresh)
    return _missed(made, after)


async def _each(events: list[Event]) -> AsyncIterator[Event]:
    for event in events:
        yield event


async def watch(
    made: Generation,
    user: Any,
    *,
    after: int = 0,
    seconds: float | None = None,
    detach: bool = False,
) -> AsyncGenerator[Event | None]:
    """`follow`, for a client: if it goes away, or the time is over, the generation is stopped.

    A client that went is waited for a moment, in case it comes back or another one follows; with
    `detach` the generation goes on in any case. Raises UnmaskError (timeout) after `seconds`.
    """
    deadline = time.monotonic() + seconds if seconds is not None else math.inf
    ended, announced = False, -math.inf
    try:
        async with aclosing(follow(made, after)) as events:
            async for event in events:
                if time.monotonic() - announced > POLL_SECONDS:
                    announced = time.monotonic()
                    await _announce(made)
                ended = event is not None and event.type in ENDS
                yield event
                if not ended and time.monotonic() > deadline:
                    ended = True  # at once, whoever else may follow it
                    await database.in_events_lane(_stop)(made, user)
                    raise UnmaskError("timeout", _LATE.format(seconds))
    finally:
        if not ended and not detach:
            _in_background(_stop_unless_followed(made, user))


_LATE = "The answer was not there within {:g} seconds, so it was stopped. Ask for less at once."
_tasks: set[asyncio.Task[None]] = set()


def _in_background(work: Coroutine[Any, Any, None]) -> None:
    """The loop keeps weak references only, and whoever asks here may be cancelled any moment."""
    task = asyncio.get_running_loop().create_task(work)
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)


def _followers(made: Generation) -> str:
    return f"followers.{made.id}"


async def _announce(made: Generation) -> None:
    """Tell whoever wants to stop the generation that somebody follows it."""
    layer = get_channel_layer()
    assert layer is not None
    await layer.group_send(_followers(made), {"type": "followed"})


async def _stop_unless_followed(made: Generation, user: Any) -> None:
    layer = get_channel_layer()
    assert layer is not None
    channel = await layer.new_channel("follower")
    await layer.group_add(_followers(made), channel)
    try:
        if await _rung(layer, channel, RETURN_SECONDS) is None:
            await database.in_events_lane(_stop)(made, user)
    finally:
        await layer.group_discard(_followers(made), channel)


def _stop(made: Generation, user: Any) -> None:
    """A generation that has ended meanwhile has nothing to stop."""
    with suppress(UnmaskError):
        generator(made.kind).stop(user=user, id=made.id)


async def _missed(made: Generation, after: int) -> AsyncIterator[Event]:
    """The rows after a number; a snapshot first where some of them are gone."""
    found = await database.events_since(made.stream, after, BACKLOG)
    if found.trimmed:
        told = await database.in_events_lane(generator(made.kind).snapshot)(stream=made.stream)
        end, after = told.pop("end"), told["number"]
        yield Event(str(made.stream), after, "snapshot", told)
        if end is not None:
            yield Event(str(made.stream), after, *end)
            return
        found = await database.events_since(made.stream, after, BACKLOG)
    for event in found.events:
        yield event


async def _rung(layer: Any, channel: str, seconds: float = POLL_SECONDS) -> Bell | None:
    """The bell that rang within that time, if any."""
    try:
        async with asyncio.timeout(seconds):  # unlike `wait_for` it needs no task of its own
            bell: Bell = await layer.receive(channel)
    except TimeoutError:
        return None
    return bell

"""The seam between doors (REST, server-sent events, OpenAI, chat) and models.

A door asks `start` for a generation and follows its stream; it never knows what kind of model
answers. An app registers a generator for a kind of model (in AppConfig.ready, as a dotted path).
A stream carries four kinds of events:

| event | payload |
| --- | --- |
| `text` | `text`: by what the settled text grew; `offset`: characters before it |
| `draft` | diffusion only: `step`, `ops`, `masked`; the first one has the whole `canvas` |
| `done` | `text`, `usage`, `seconds`, `finish_reason` (stop, length, cancelled), `url` |
| `error` | the one error shape |

The texts of all `text` events join to the text of `done`, for every recipe: where written tokens
may still change, text settles only when they cannot.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

from channels.layers import get_channel_layer
from django.dispatch import Signal
from django.utils.module_loading import import_string

from core.sockets import database
from inference import registry
from inference.errors import UnmaskError
from inference.events import Event, stream_group
from inference.models import ModelEntry

ENDS = frozenset({"done", "error"})
"""Events after which a stream carries nothing more."""
POLL_SECONDS = 1.0
BACKLOG = 500
ended = Signal()
"""Sent inside the transaction that ends a generation: `id`, `text` so far, `status` (a Job's) and
`payload`, that of its last event. Apps keep in rows of their own what was made for them."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a generation starts from.

    `text` is continued. `messages` are turns ({role, content}), read by the model's own template.
    `pieces` are texts with a gap between each two, to be filled (infilling); `gaps` are their
    lengths in tokens. One of the three is given. `special_tokens`: those written in the text count.
    `ids` are the prompt as the model's own token ids; `text` is then what people are shown of it.
    """

    text: str = ""
    ids: tuple[int, ...] = ()
    messages: tuple[Mapping[str, str], ...] = ()
    pieces: tuple[str, ...] = ()
    gaps: tuple[int, ...] = ()
    special_tokens: bool = False


@dataclass(frozen=True, slots=True)
class Settings:
    """How to generate. What a kind of model does not know is refused by name, never dropped.

    `max_new_tokens`: tokens at most. `recipe` and `parameters`: how a diffusion model decodes; the
    model's usual recipe by default. `stop`: texts before which the answer ends.
    """

    max_new_tokens: int | None = None
    recipe: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    tokens_per_step: int | None = None
    block_length: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    seed: int = 0
    stop: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Generation:
    """A generation that has been started: its row, its stream, and the page that shows it."""

    id: UUID
    kind: str
    model: str
    stream: UUID
    url: str


class Generator(Protocol):
    """What an app provides for a kind of model. All take the user: a stranger's do not exist."""

    def start(
        self, *, user: Any, model: ModelEntry, prompt: Prompt, settings: Settings
    ) -> Generation:
        """Write the generation down and send it to a worker. Raises UnmaskError."""

    def find(self, *, user: Any, id: UUID | str) -> Generation:
        """The user's generation. Raises UnmaskError (not_found)."""

    def stop(self, *, user: Any, id: UUID | str) -> None:
        """Ask it to end after the step in the making; what was made stays."""

    def snapshot(self, *, stream: UUID) -> dict[str, Any]:
        """`number`, `text` so far and `status`, for who comes after events were pruned."""


_GENERATORS: dict[str, str] = {}


def register(kind: str, path: str) -> None:
    """Have models of a kind answered by the Generator instance at a dotted path."""
    _GENERATORS[kind] = path


def generator(kind: str) -> Generator:
    """The generator for a kind of model. Raises UnmaskError if no app provides one."""
    if kind not in _GENERATORS:
        raise UnmaskError("model_unavailable", "Models of this kind cannot generate here.", "model")
    found: Generator = import_string(_GENERATORS[kind])
    return found


def start(
    *, user: Any, model: str | None, prompt: Prompt, settings: Settings | None = None
) -> Generation:
    """Start a generation on a model of the list, the default one if none is named."""
    entry = registry.resolve(model) if model else registry.default_model()
    settings = settings or Settings()
    return generator(entry.kind).start(user=user, model=entry, prompt=prompt, settings=settings)


def find(*, user: Any, id: UUID | str) -> Generation:
    """The user's generation, whatever kind of model made it. Raises UnmaskError (not_found)."""
    for kind in _GENERATORS:
        try:
            return generator(kind).find(user=user, id=id)
        except UnmaskError as error:
            if error.error_type != "not_found":
                raise
    raise UnmaskError("not_found", "There is no such generation, or it is not yours.", "id")


def stop(*, user: Any, id: UUID | str) -> None:
    """Ask a generation of the user's to end."""
    generator(find(user=user, id=id).kind).stop(user=user, id=id)


async def follow(made: Generation, after: int = 0) -> AsyncIterator[Event | None]:
    """Every event of a generation after a number, once and in order, to its end.

    None comes about once a second while nothing happens: a moment to look whether the client is
    still there. Where events were pruned, one of type `snapshot` stands for all up to its number.
    """
    layer = get_channel_layer()
    assert layer is not None
    channel = await layer.new_channel("generation")
    await layer.group_add(stream_group(made.stream), channel)
    try:
        while True:
            async for event in _missed(made, after):
                after = event.number
                yield event
                if event.type in ENDS:
                    return
            if not await _rung(layer, channel):
                yield None
    finally:
        await layer.group_discard(stream_group(made.stream), channel)


async def _missed(made: Generation, after: int) -> AsyncIterator[Event]:
    """The rows after a number; a snapshot first where some of them are gone."""
    found = await database.events_since(made.stream, after, BACKLOG)
    if found.trimmed:
        told = await database.in_events_lane(generator(made.kind).snapshot)(stream=made.stream)
        after = told["number"]
        yield Event(str(made.stream), after, "snapshot", told)
        found = await database.events_since(made.stream, after, BACKLOG)
    for event in found.events:
        yield event


async def _rung(layer: Any, channel: str) -> bool:
    """Whether a bell rang within a second; bells that wait besides are taken along."""
    try:
        await asyncio.wait_for(layer.receive(channel), POLL_SECONDS)
    except TimeoutError:
        return False
    return True


@dataclass
class Collected:
    """A whole generation, gathered from its events."""

    text: str = ""
    drafts: int = 0
    done: dict[str, Any] | None = None
    error: dict[str, Any] | None = None

    def add(self, event: Event) -> None:
        payload = event.payload
        if event.type == "text":
            self.text += payload["text"]
        elif event.type == "snapshot":
            self.text = payload["text"]
        elif event.type == "draft":
            self.drafts += 1
        elif event.type in ENDS:
            setattr(self, event.type, payload)


async def collect(made: Generation, seconds: float) -> Collected:
    """Follow a generation to its end. Raises UnmaskError: its error, or timeout."""
    found = Collected()
    try:
        async with asyncio.timeout(seconds):
            async for event in follow(made):
                if event is not None:
                    found.add(event)
    except TimeoutError:
        raise UnmaskError(
            "timeout", f"The answer was not there within {seconds:g} seconds. It is still made."
        ) from None
    if found.error is not None:
        raise UnmaskError(
            found.error["error_type"], found.error["message"], found.error.get("field")
        )
    return found

"""What a generation starts from, and the generator that an app registers for a kind of model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol
from uuid import UUID

from asgiref.sync import sync_to_async
from django.dispatch import Signal
from django.utils.module_loading import import_string

from inference import registry
from inference.errors import UnmaskError
from inference.models import ModelEntry

NO_ORDER = (
    "A model that does not write from left to right has no log-probabilities of a prompt: leave "
    "echo or logprobs out."
)
At = Literal["step", "end"]
"""Where a diffusion model's log-probabilities are read: when it decided, or over the end."""
ended = Signal()
"""Sent inside the transaction that ends a generation: `id`, `text` so far, `ids` (the tokens of the
text, empty where a stop text cuts one), `status` (a Job's) and `payload`, that of its last event.
Apps keep in rows of their own what was made for them."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a generation starts from.

    `text` is continued. `messages` are turns ({role, content}), read by the model's own template.
    `pieces` are texts with a gap between each two, to be filled (infilling); `gaps` are their
    lengths in tokens, 0 for one that is to be found, which has `longest_gap` tokens at most. One of
    the three is given. `special_tokens`: those written in the text count. `ids` are the prompt as
    the model's own token ids; `text` is then what people are shown of it. `written`: so many of the
    last ids begin the answer, which is written on; their text is not told again.
    """

    text: str = ""
    ids: tuple[int, ...] = ()
    written: int = 0
    messages: tuple[Mapping[str, str], ...] = ()
    pieces: tuple[str, ...] = ()
    gaps: tuple[int, ...] = ()
    longest_gap: int = 64
    special_tokens: bool = False


@dataclass(frozen=True, slots=True)
class Settings:
    """How to generate. What a kind of model does not know is refused by name, never dropped.

    `max_new_tokens`: tokens at most. `recipe` and `parameters`: how a diffusion model decodes; the
    model's usual recipe by default. `steps`: forward passes, instead of `tokens_per_step`. `stop`:
    texts before which the answer ends. `final_pass`: one forward pass over the finished text is
    kept too, for log-probabilities at the end (diffusion; others need none).
    """

    max_new_tokens: int | None = None
    recipe: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    steps: int | None = None
    tokens_per_step: int | None = None
    block_length: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    seed: int = 0
    stop: tuple[str, ...] = ()
    final_pass: bool = False


@dataclass(frozen=True, slots=True)
class Generation:
    """A generation that has been started: its row, its stream, and the page that shows it."""

    id: UUID
    kind: str
    model: str
    stream: UUID
    url: str
    created: datetime


class Generator(Protocol):
    """What an app provides for a kind of model. All take the user: a stranger's do not exist."""

    def start(
        self, *, user: Any, model: ModelEntry, prompt: Prompt, settings: Settings
    ) -> Generation:
        """Write the generation down and send it to a worker. Raises UnmaskError."""

    def find(self, *, user: Any, id: UUID | str) -> Generation:
        """The user's generation. Raises UnmaskError (not_found)."""

    def stop(self, *, user: Any, id: UUID | str) -> None:
        """Ask it to end after the step in the making; what was made stays.

        Raises UnmaskError: not_found, or conflict when it has ended already.
        """

    def snapshot(self, *, stream: UUID) -> dict[str, Any]:
        """`number`, `text` so far and `status`, for who comes after events were pruned.

        `end`: type and payload of the last event if it is over, else None.
        """

    def logprobs(
        self, *, user: Any, id: UUID | str, top: int, at: At, first: int
    ) -> list[TokenLogprob]:
        """Of the tokens of a generation's text so far, in order, from number `first` on.

        `top`: how many alternatives. `at`: "step", or "end" of one with a final pass.
        """

    def drafts(self, *, user: Any, id: UUID | str) -> list[dict[str, Any]]:
        """Payloads of all its `draft` events, from the kept steps; none if it writes in order."""


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """A token of a text: natural logarithm of its probability, and of the likeliest tokens there.

    Over the whole vocabulary at temperature 1. For a diffusion model: at the step that decided it,
    or in one pass over the finished text, in which the model sees the token itself. None: of a
    text's first token, before which nothing stands.
    """

    text: str
    logprob: float | None
    top: tuple[tuple[str, float], ...] = ()


class Score(Protocol):
    """How probable a model finds each token of a text; awaits a worker. Raises UnmaskError."""

    async def __call__(
        self, *, user: Any, model: ModelEntry, prompt: Prompt, top: int
    ) -> list[TokenLogprob]: ...


_GENERATORS: dict[str, str] = {}
_SCORES: dict[str, str] = {}


def register(kind: str, path: str, score: str = "") -> None:
    """Have models of a kind answered by the Generator instance at a dotted path.

    `score`: the dotted path of a Score, for kinds of models that read from left to right.
    """
    _GENERATORS[kind] = path
    if score:
        _SCORES[kind] = score


def generator(kind: str) -> Generator:
    """The generator for a kind of model. Raises UnmaskError if no app provides one."""
    if kind not in _GENERATORS:
        raise UnmaskError("model_unavailable", "Models of this kind cannot generate here.", "model")
    found: Generator = import_string(_GENERATORS[kind])
    return found


def kinds() -> list[str]:
    """The kinds of models that can generate here."""
    return list(_GENERATORS)


def start(
    *, user: Any, model: str | None, prompt: Prompt, settings: Settings | None = None
) -> Generation:
    """Start a generation on a model of the list, the default one if none is named."""
    entry = registry.resolve(model, user) if model else registry.default_model()
    settings = settings or Settings()
    return generator(entry.kind).start(user=user, model=entry, prompt=prompt, settings=settings)


async def score(*, user: Any, model: str, prompt: Prompt, top: int = 0) -> list[TokenLogprob]:
    """Of each token of a prompt's text, or of its ids, given those before it, with `top`
    alternatives (10 at most).

    Raises UnmaskError for a model that there is not, and for one that does not read in order.
    """
    entry = await sync_to_async(registry.resolve)(model, user)
    if entry.kind not in _SCORES:
        raise UnmaskError("validation", NO_ORDER, "echo")
    found: Score = import_string(_SCORES[entry.kind])
    return await found(user=user, model=entry, prompt=prompt, top=top)


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


def drafts(*, user: Any, id: UUID | str) -> list[dict[str, Any]]:
    """How the canvas of the user's generation changed, as its `draft` events told."""
    return generator(find(user=user, id=id).kind).drafts(user=user, id=id)


def logprobs(
    *, user: Any, id: UUID | str, top: int = 0, at: At = "step", first: int = 0
) -> list[TokenLogprob]:
    """Of each token of the user's generation from number `first` on, with `top` alternatives."""
    found = generator(find(user=user, id=id).kind)
    return found.logprobs(user=user, id=id, top=top, at=at, first=first)

"""Generations on autoregressive models: what doors start, find and stop (see core.generation)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from core import generation as seam
from core.generation.stored import StoredGenerator
from core.generation.trace import Pass, Position
from inference.catalog.recipe import GRAMMAR
from inference.errors import UnmaskError
from inference.events import publish
from inference.models import ModelEntry
from playground.models import Completion, CompletionToken
from playground.selectors import traces

FOREIGN = ("recipe", "steps", "tokens_per_step", "block_length")
"""Settings of diffusion models; of a recipe's parameters a grammar alone is for all."""


@dataclass(frozen=True, slots=True)
class Written:
    """A token as it is stored. `top`: [token, text, logprob] of the best ones in its place."""

    token: int
    label: str
    text: str
    logprob: float
    top: list[tuple[int, str, float]]


class CausalGenerator(StoredGenerator[Completion]):
    """A generation is a completion of its owner's, kept token by token."""

    rows = Completion
    kind = ModelEntry.Kind.AUTOREGRESSIVE

    def check(self, prompt: seam.Prompt, settings: seam.Settings) -> None:
        _refuse_foreign(prompt, settings)

    def usage_of(self, row: Completion) -> dict[str, Any]:
        prompt = len(row.prompt_ids)
        return {
            "prompt_tokens": prompt,
            "completion_tokens": row.written,
            "total_tokens": prompt + row.written,
            "steps": row.written,
        }

    def positions(self, *, user: Any, id: UUID) -> list[Position] | None:
        return traces.positions_of(self.owned(user, id))

    def passes(self, *, user: Any, id: UUID, after: int) -> list[Pass]:
        return traces.passes_of(self.owned(user, id), after)

    def logprobs(
        self, *, user: Any, id: UUID | str, top: int, at: seam.At, first: int
    ) -> list[seam.TokenLogprob]:
        """As they were stored: what stands behind a token changes nothing, so `at` is one."""
        rows = CompletionToken.objects.filter(completion=self.owned(user, id), number__gte=first)
        return [_logprob(one, top) for one in rows.order_by("number")]


GENERATOR = CausalGenerator()


def _refuse_foreign(prompt: seam.Prompt, settings: seam.Settings) -> None:
    """What this kind of model does not know is refused by name, never dropped."""
    if prompt.pieces:
        raise UnmaskError(
            "validation", "This model writes from left to right; it cannot fill gaps.", "prompt"
        )
    given = asdict(settings)
    named = [name for name in FOREIGN if given[name]]
    for name in (*named, *(name for name in settings.parameters if name not in GRAMMAR)):
        raise UnmaskError("validation", f"{name} is for diffusion models only.", name)


def _logprob(row: CompletionToken, top: int) -> seam.TokenLogprob:
    best = tuple((label, value) for _, label, value in row.top[:top])
    return seam.TokenLogprob(row.text, row.logprob, best)


def write(*, row: Completion, tokens: Sequence[Written]) -> None:
    """Inside a fenced transaction: tokens behind those that are stored, and what they tell."""
    first = row.written
    CompletionToken.objects.bulk_create(
        CompletionToken(
            completion=row,
            number=first + n,
            token=one.token,
            label=one.label,
            text=one.text,
            logprob=one.logprob,
            top=one.top,
        )
        for n, one in enumerate(tokens)
    )
    grown = "".join(one.text for one in tokens)
    row.written = first + len(tokens)
    counts = {"tokens": row.written, "most": row.most}
    publish(row.stream_id, "text", {"text": grown, "offset": len(row.text), **counts})
    row.text, row.attempts = row.text + grown, 0
    row.save(update_fields=["text", "written", "attempts", "updated"])


def text_ids(row: Completion) -> list[int]:
    """The tokens of its text, without the one that ended it; none where a stop text may cut one."""
    if row.settings["stop"]:
        return []
    stored = CompletionToken.objects.filter(completion=row).order_by("number")
    ids = list(stored.values_list("token", flat=True))
    return ids[:-1] if row.finish_reason == "stop" else ids

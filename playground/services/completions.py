"""Generations on autoregressive models: what doors start, find and stop (see core.generation)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils import timezone

from core import generation as seam
from core.generation.stored import StoredGenerator
from core.generation.trace import Pass, Position
from core.jobs.leases import EXPIRY, Lease, LeaseLost, expiry
from inference.catalog.recipe import GRAMMAR
from inference.errors import UnmaskError
from inference.events import publish
from inference.models import ModelEntry
from inference.statements import Insert, Update, encoded
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

    def check(self, model: ModelEntry, prompt: seam.Prompt, settings: seam.Settings) -> None:
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


TOKENS = Insert(CompletionToken, "completion", "number", "token", "label", "text", "logprob", "top")


@cache
def _grow() -> Update:
    """What checks the fence, renews the lease, writes the text and reads, all in one."""
    set = {"text": "%s", "written": "%s", "attempts": "0", "updated": "%s"}
    set["lease_expires"] = EXPIRY[connection.vendor]
    return Update(Completion, set, ["id", "lease_fence"], ["cancel_requested"])


def write(*, lease: Lease, row: Completion, tokens: Sequence[Written]) -> None:
    """Inside a transaction: tokens behind those that are stored, and what they tell.

    Reads into the row whether somebody wants its end by now. In few statements, since a token is
    stored beside the forward pass of the next one. Raises LeaseLost when another worker has it.
    """
    grown, first = "".join(one.text for one in tokens), row.written
    offset, row.text = len(row.text), row.text + grown
    row.written, row.attempts = first + len(tokens), 0
    now = _grow().adapt("updated", timezone.now())
    held = _grow()([row.text, row.written, now, expiry()], [lease.row, lease.fence])
    if not held:
        raise LeaseLost(f"fence {lease.fence} no longer holds")
    row.cancel_requested = bool(held[0][0])
    TOKENS(*(_values(row, number, one) for number, one in enumerate(tokens, first)))
    counts = {"tokens": row.written, "most": row.most}
    publish(row.stream_id, "text", {"text": grown, "offset": offset, **counts})


def _values(row: Completion, number: int, one: Written) -> Sequence[Any]:
    return row.pk, number, one.token, one.label, one.text, one.logprob, encoded(one.top)


def text_ids(row: Completion) -> list[int]:
    """The tokens of its text, without the one that ended it; none where a stop text may cut one."""
    if row.settings["stop"]:
        return []
    stored = CompletionToken.objects.filter(completion=row).order_by("number")
    ids = list(stored.values_list("token", flat=True))
    return ids[:-1] if row.finish_reason == "stop" else ids

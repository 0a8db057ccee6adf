"""The passes of a completion: one token each, from left to right."""

from __future__ import annotations

import math

from core.generation.trace import Pass, Position, Write
from playground.models import Completion, CompletionToken


def positions_of(row: Completion) -> list[Position] | None:
    """None at first: places come as they are written."""
    return [] if row.prompt_ids else None


def passes_of(row: Completion, after: int) -> list[Pass]:
    """The stored tokens after a number; the slot of a token is its number."""
    rows = CompletionToken.objects.filter(completion=row, number__gte=after).order_by("number")
    return [_pass(one) for one in rows]


def _pass(one: CompletionToken) -> Pass:
    best = one.top[0][2] if one.top else one.logprob
    write = Write(one.number, one.label, one.logprob)
    heat = [(one.number, round(math.exp(best), 4))]
    return Pass(one.number + 1, [write], places=None, heat=heat)

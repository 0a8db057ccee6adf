"""The tokens of an answer, with the alternatives that were kept beside each."""

from __future__ import annotations

import math
from dataclasses import dataclass

from django.db.models import QuerySet

from inference.errors import UnmaskError
from playground.models import Completion, CompletionToken, Message

PARTIAL = "\ufffd"
"""What labels show for bytes that are no whole character."""


@dataclass(frozen=True, slots=True)
class Alternative:
    """What might have stood there; `chance` 0 to 1 at temperature 1, over the whole vocabulary."""

    token: int
    label: str
    chance: float
    is_taken: bool


def tokens_of(message: Message) -> QuerySet[CompletionToken]:
    """Those that its last generation wrote; none for models that write in another order."""
    return CompletionToken.objects.filter(completion=message.generation).order_by("number")


def token_at(message: Message, number: int) -> CompletionToken:
    """The token at a place. Raises not_found."""
    found = tokens_of(message).filter(number=number).first() if message.generation else None
    if found is None:
        raise UnmaskError("not_found", f"Nothing is kept of a token {number}.", "number")
    return found


def alternatives_of(row: CompletionToken) -> list[Alternative]:
    """The best tokens in its place, best first; the one that was taken among them or behind."""
    kept = {token: (label, logprob) for token, label, logprob in row.top}
    kept.setdefault(row.token, (row.label, row.logprob))
    return [
        Alternative(token, label, math.exp(logprob), token == row.token)
        for token, (label, logprob) in kept.items()
    ]


def text_before(message: Message, number: int, token: int) -> str:
    """The answer's text up to a place, with one of its alternatives there. Raises not_found."""
    row = token_at(message, number)
    chosen = next((one for one in alternatives_of(row) if one.token == token), None)
    if chosen is None:
        raise UnmaskError("not_found", f"Nothing is kept of token {token} there.", "token")
    before = tokens_of(message).filter(number__lt=number).values_list("text", flat=True)
    return message.prefix + "".join(before) + chosen.label.replace(PARTIAL, "")


def ids_before(message: Message, number: int, token: int) -> list[int]:
    """The answer's token ids up to a place, with another token there; empty if not all are known.

    They are those that were written, never its text read anew.
    """
    completion = Completion.objects.get(pk=str(message.generation))
    written = completion.prompt.get("written", 0)
    if message.prefix and not written:
        return []
    prefix = completion.prompt_ids[len(completion.prompt_ids) - written :]
    before = tokens_of(message).filter(number__lt=number).values_list("token", flat=True)
    return [*prefix, *before, token]

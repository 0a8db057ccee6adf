"""One text scored both ways: from left to right, and each token masked for itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from inference import registry, runtime
from inference.engine.causal.scores import perplexity
from inference.engine.checkpoint import LoadedModel
from inference.engine.likelihood import token_log_likelihoods
from inference.engine.tokenization import Tokenizer
from inference.errors import UnmaskError
from inference.runtime import causal
from playground.commands.table import Request
from playground.worker.completions import label_of
from playground.worker.next_token import started, tokenizer_of, unknown_characters
from playground.worker.scores import told

MOST = 192
"""Tokens of a text that a diffusion model scores: each takes two forward passes."""
Reply = dict[str, Any]
WAYS = ("causal", "alone", "left")


def score_both(request: Request) -> Callable[[], Reply]:
    """both_scores: the tokens of both models, and both scores by the parts that they share.

    Of the diffusion model `alone` (all others are there) and `left` (those to the left are there).
    """
    asked = request.message
    model = runtime.load(registry.resolve(asked.model, request.user))
    masked = runtime.load(registry.resolve(asked.masked_model, request.user, "masked_model"))
    tokenizer = tokenizer_of(model)
    before = started(model, tokenizer, asked.prompt) if asked.prompt else list(tokenizer.leading)
    rows = _masked_rows(masked, asked.prompt, asked.text)
    # every token, however short the model's window: a part of the text is no score of it
    score = causal.score_ids(model, tokenizer.encode(asked.text), before, whole=True)
    own = [(one.token, {"causal": one.logprob}) for one in score.tokens]
    other = [(row["token_id"], {way: row[way] for way in ("alone", "left")}) for row in rows]
    reply = {
        "type": "both_scores",
        "causal": told(model, score),
        "masked": {"tokens": rows, **_sums(rows)},
        "parts": _shared_parts(asked.text, (tokenizer, own), (tokenizer_of(masked), other)),
    }
    return lambda: reply


def _masked_rows(model: LoadedModel, prompt: str, text: str) -> list[Reply]:
    tokenizer = tokenizer_of(model)
    if model.spec.mask_id is None:
        raise UnmaskError("validation", "This model has no mask token.", "masked_model")
    unknown = unknown_characters(tokenizer, prompt + text)
    if unknown:
        raise UnmaskError("validation", f"Unknown characters: {unknown}", "text")
    before, ids = tokenizer.encode_prompt(prompt), tokenizer.encode(text)
    most = min(MOST, model.context - len(before))
    if not 1 <= len(ids) <= most:
        words = (
            f"The text has {len(ids)} tokens for the diffusion model; 1 to {most} can be scored."
        )
        raise UnmaskError("validation", words, "text")
    alone, left = (
        token_log_likelihoods(model, before, ids, order, forward=runtime.forward)
        for order in (False, True)
    )
    return [
        {
            "token_id": token,
            "text": label_of(model, token),
            "alone": round(one, 4),
            "left": round(other, 4),
        }
        for token, one, other in zip(ids, alone, left, strict=True)
    ]


def _sums(rows: Sequence[Reply]) -> Reply:
    """Nats of the whole text, and per token as perplexity, in both ways."""
    found: Reply = {}
    for way in ("alone", "left"):
        values = [row[way] for row in rows]
        value = perplexity(values)
        found[way] = {
            "nats": round(sum(values), 4),
            "perplexity": None if value is None else round(value, 4),
        }
    return found


Scored = tuple[Tokenizer, list[tuple[int, dict[str, float | None]]]]


def _shared_parts(text: str, *sides: Scored) -> list[Reply]:
    """The text in the smallest parts at whose ends tokens of both models end, with the sums.

    One part where a tokenizer's tokens are not the bytes of the text.
    """
    data = text.encode("utf-8", "replace")
    ends = [_ends(tokenizer, [token for token, _ in rows]) for tokenizer, rows in sides]
    if any(one[-1:] != [len(data)] for one in ends):
        ends = [[*[0] * (len(one) - 1), len(data)] for one in ends]
    borders = sorted({0, *ends[0]} & {0, *ends[1]} | {0})
    parts: list[Reply] = []
    for begin, end in pairwise(borders):
        part: Reply = {
            "text": data[begin:end].decode("utf-8", "replace"),
            **dict.fromkeys(WAYS, 0.0),
        }
        for own, (_, rows) in zip(ends, sides, strict=True):
            for stop, (_, values) in zip(own, rows, strict=False):
                if begin < stop <= end or (stop == 0 and begin == 0):
                    for way, value in values.items():
                        part[way] = round(part[way] + (value or 0.0), 4)
        parts.append(part)
    return parts


def _ends(tokenizer: Tokenizer, ids: Sequence[int]) -> list[int]:
    """Where each token ends, in bytes."""
    found, at = [], 0
    for token in ids:
        at += len(tokenizer.token_bytes(token))
        found.append(at)
    return found

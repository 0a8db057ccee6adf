"""The distributions of the next tokens after a text, with what the model saw of it."""

from __future__ import annotations

import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

from inference import registry, runtime
from inference.engine.causal.lookahead import NextToken
from inference.engine.causal.sampling import Sampling
from inference.engine.checkpoint import LoadedModel
from inference.engine.tokenization import Tokenizer
from inference.errors import UnmaskError
from inference.runtime import causal
from playground.commands.table import Request
from playground.worker.completions import label_of

SHOWN = 10
SECONDS = 1.5
"""After this long no further distribution is begun."""
Reply = dict[str, Any]


def next_token(request: Request) -> Callable[[], Reply]:
    """next_token: ten probabilities, best first, and the token to go on with; then those ahead."""
    asked = request.message
    model = runtime.load(registry.resolve(asked.model, request.user))
    tokenizer = tokenizer_of(model)
    ids = started(model, tokenizer, asked.context) + asked.token_ids
    made, whole = [], list(ids)
    for one in _within_time(model, ids, asked):
        seen = {"context_chars": _characters(model, tokenizer, whole)}
        made.append(_told(model, one, asked.digest) | seen)
        whole.append(one.chosen)
    reply = {
        "type": "next_token",
        **made[0],
        "context_used": tokenizer.decode(ids[-model.context :]),
        "context_size": model.context,
        "ahead": made[1:],
    }
    return lambda: reply


def tokenizer_of(model: LoadedModel) -> Tokenizer:
    """Raises UnmaskError for a model that knows no text."""
    if model.tokenizer is None:
        raise UnmaskError("validation", "This model cannot read text.", "session_id")
    return model.tokenizer


def started(model: LoadedModel, tokenizer: Tokenizer, text: str) -> list[int]:
    """The tokens of a text.

    An empty text begins with the model's own first token, or with end-of-text, after which models
    are used to begin. Raises UnmaskError (validation) for characters that the tokenizer lacks.
    """
    unknown = unknown_characters(tokenizer, text)
    if unknown:
        raise UnmaskError("validation", f"Unknown characters: {unknown}", "context")
    ids = tokenizer.encode_prompt(text)
    if not ids and model.spec.eos_id is not None:
        ids = [model.spec.eos_id]
    if not ids:
        raise UnmaskError("validation", "Type something to get started...", "context")
    return ids


def unknown_characters(tokenizer: Tokenizer, text: str) -> list[str]:
    """Characters that do not come back out of the tokenizer, in the order of the text."""
    asked = [one for one in dict.fromkeys(text) if not one.isspace()]
    return [one for one in asked if one not in tokenizer.decode(tokenizer.encode(one))]


def _characters(model: LoadedModel, tokenizer: Tokenizer, ids: list[int]) -> int | None:
    """How many characters of a text the model sees; None where it sees all of them."""
    cut = len(ids) > model.context
    return len(tokenizer.decode(ids[-model.context :])) if cut else None


def _within_time(model: LoadedModel, ids: list[int], asked: Any) -> Iterator[NextToken]:
    """At least one; as many as were asked for while there is time."""
    sampling = Sampling(
        temperature=asked.temperature,
        top_k=asked.top_k or 0,
        top_p=asked.top_p or 1.0,
        seed=asked.seed,
    )
    deadline = time.monotonic() + SECONDS
    made = causal.lookahead(model, ids, sampling, asked.sample, SHOWN, asked.ahead)
    with closing(made):  # type: ignore[type-var]
        for one in made:
            yield one
            if time.monotonic() > deadline:
                return


def _told(model: LoadedModel, made: NextToken, digest: bool) -> Reply:
    """`is_end`: the model would end its text here."""
    rows = [
        {"token": label_of(model, one.token), "token_id": one.token, "prob": one.chance}
        for one in made.candidates
    ]
    packed = {"digest": b64encode(made.digest).decode()} if digest else {}
    return {
        "next_token": label_of(model, made.chosen),
        "next_token_id": made.chosen,
        "is_end": made.chosen in model.spec.end_ids,
        "probabilities": rows,
        "entropy": round(made.entropy, 4),
        "context_tokens": made.seen,
        **packed,
    }

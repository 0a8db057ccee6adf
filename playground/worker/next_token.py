"""The distribution of the next token after a text, with what the model saw of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from inference import registry, runtime
from inference.engine.causal.engine import Candidate
from inference.engine.causal.sampling import Sampling
from inference.engine.checkpoint import LoadedModel
from inference.engine.tokenization import Tokenizer
from inference.errors import UnmaskError
from inference.runtime import causal
from playground.commands.table import Request
from playground.worker.completions import label_of

SHOWN = 10
Reply = dict[str, Any]


def next_token(request: Request) -> Callable[[], Reply]:
    """next_token: ten probabilities, best first, and the token to go on with."""
    asked = request.message
    model = runtime.load(registry.resolve(asked.model, request.user))
    if model.tokenizer is None:
        raise UnmaskError("validation", "This model cannot read text.", "session_id")
    ids = window(model, model.tokenizer, asked.context, asked.token_ids)
    shown = _distribution(model, ids, asked)
    chosen = _drawn(model, ids, asked) if asked.sample else shown[0].token
    reply = {
        "type": "next_token",
        "next_token": label_of(model, chosen),
        "next_token_id": chosen,
        "probabilities": [_told(model, one) for one in shown],
        "context_used": model.tokenizer.decode(ids),
        "context_tokens": len(ids),
        "context_size": model.context,
    }
    return lambda: reply


def window(model: LoadedModel, tokenizer: Tokenizer, text: str, more: list[int]) -> list[int]:
    """The last tokens of a text, as many as the model reads.

    An empty text begins with the model's own first token, or with end-of-text, after which models
    are used to begin. Raises UnmaskError (validation) for characters that the tokenizer lacks.
    """
    unknown = unknown_characters(tokenizer, text)
    if unknown:
        raise UnmaskError("validation", f"Unknown characters: {unknown}", "context")
    ids = tokenizer.encode_prompt(text) + more
    if not ids and model.spec.eos_id is not None:
        ids = [model.spec.eos_id]
    if not ids:
        raise UnmaskError("validation", "Type something to get started...", "context")
    return ids[-model.context :]


def unknown_characters(tokenizer: Tokenizer, text: str) -> list[str]:
    """Characters that do not come back out of the tokenizer, in the order of the text."""
    asked = [one for one in dict.fromkeys(text) if not one.isspace()]
    return [one for one in asked if one not in tokenizer.decode(tokenizer.encode(one))]


def _sampling(asked: Any, temperature: float) -> Sampling:
    return Sampling(
        temperature=temperature,
        top_k=asked.top_k or 0,
        top_p=asked.top_p or 1.0,
        seed=asked.seed,
    )


def _distribution(model: LoadedModel, ids: list[int], asked: Any) -> list[Candidate]:
    """At temperature 0 all of the probability is the best token's: the limit of small ones."""
    found = causal.next_distribution(model, ids, SHOWN, _sampling(asked, asked.temperature or 1.0))
    if asked.temperature:
        return found
    return [Candidate(one.token, one.logprob, float(n == 0)) for n, one in enumerate(found)]


def _drawn(model: LoadedModel, ids: list[int], asked: Any) -> int:
    ids = ids[-(model.context - 1) :]  # room for one more
    tokens = causal.generate(
        model, ids, _sampling(asked, asked.temperature), max_tokens=1, end=False
    )
    return next(iter(tokens)).token


def _told(model: LoadedModel, one: Candidate) -> Reply:
    return {"token": label_of(model, one.token), "token_id": one.token, "prob": one.chance}

"""How probable an autoregressive model finds a text, token by token."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from inference import registry, runtime
from inference.engine.causal.results import Judged
from inference.engine.causal.scores import TextScore
from inference.engine.checkpoint import LoadedModel
from inference.engine.tokenization import checked_ids
from inference.runtime import causal
from playground.commands.table import Request
from playground.worker.completions import label_of
from playground.worker.next_token import started, tokenizer_of

TOP = 10
Reply = dict[str, Any]
Top = list[tuple[int, str, float]]


def score_text(request: Request) -> Callable[[], Reply]:
    """text_score: every token with its log-probability, and their sum."""
    asked = request.message
    model = runtime.load(registry.resolve(asked.model, request.user))
    tokenizer = tokenizer_of(model)
    before = started(model, tokenizer, asked.prompt) if asked.prompt else list(tokenizer.leading)
    ids = tokenizer.encode(asked.text)
    score = causal.score_ids(model, ids, before, TOP)
    reply = _reply(asked.model, model, score)
    return lambda: reply


def score_tokens(request: Request) -> Callable[[], Reply]:
    """text_score: the same of a text that is given as its tokens, with nothing put before them."""
    asked = request.message
    model = runtime.load(registry.resolve(asked.model, request.user))
    ids = checked_ids(asked.token_ids, model.spec.vocab_size)
    reply = _reply(asked.model, model, causal.score_ids(model, ids, top=TOP))
    return lambda: reply


def _reply(slug: str, model: LoadedModel, score: TextScore) -> Reply:
    return {"type": "text_score", "model": slug, **told(model, score)}


def told(model: LoadedModel, score: TextScore) -> Reply:
    """`nats`: of the whole text; `left_out`: tokens at its beginning beyond the context."""
    perplexity = score.perplexity
    return {
        "tokens": [_token(model, one) for one in score.tokens],
        "nats": round(score.nats, 4),
        "perplexity": None if perplexity is None else round(perplexity, 4),
        "left_out": score.left_out,
    }


def _token(model: LoadedModel, one: Judged) -> Reply:
    logprob = None if one.logprob is None else round(one.logprob, 4)
    text = label_of(model, one.token)
    told = {"token_id": one.token, "text": text, "logprob": logprob}
    return {**told, "entropy": round(one.entropy, 4), "rank": one.rank, "top": top_of(model, one)}


def top_of(model: LoadedModel, one: Judged) -> Top:
    """The best tokens of the place with their texts."""
    return [(token, label_of(model, token), round(value, 4)) for token, value in one.top]

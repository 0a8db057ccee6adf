"""Texts judged by an autoregressive model: their generative perplexity."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from inference import runtime
from inference.errors import UnmaskError
from inference.models import ModelEntry

Kind, State = ModelEntry.Kind, ModelEntry.State


def judge_for(user: Any, model: ModelEntry | None = None) -> ModelEntry | None:
    """Who judges: the model's own parent, else one that is loaded, else the first; None for none.

    Only autoregressive models on this machine that the user may see.
    """
    here = ModelEntry.visible_to(user).filter(kind=Kind.AUTOREGRESSIVE)
    found = list(here.exclude(state__in=(State.ABSENT, State.FAILED)).order_by("slug"))
    base = (model.card.get("training") or {}).get("base") if model else None
    ranked = sorted(found, key=lambda one: (one.slug != base, one.state != State.LOADED))
    return ranked[0] if ranked else None


def likely_by(judge: ModelEntry) -> Callable[[Sequence[int], Sequence[int]], float]:
    """(ids before, ids) → 1 / perplexity, for a model that shares the judge's tokens."""

    def likely(before: Sequence[int], ids: Sequence[int]) -> float:
        model = runtime.load(judge)
        perplexity = runtime.causal.score_ids(model, ids, before).perplexity
        return 0.0 if perplexity is None else 1 / perplexity

    return likely


def perplexity_of(judge: ModelEntry, prompt: str, text: str) -> float | None:
    """Of a text behind a prompt, both tokenized anew for the judge; None for an empty one."""
    if not text.strip():
        return None
    model = runtime.load(judge)
    if model.tokenizer is None:
        raise UnmaskError("validation", f"{judge.label} cannot read text.", "judge")
    return runtime.causal.score_text(model, text, prompt).perplexity

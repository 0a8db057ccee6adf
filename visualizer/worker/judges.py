"""Texts judged by an autoregressive model: their generative perplexity."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from inference import runtime
from inference.engine.causal.scores import TextScore
from inference.models import ModelEntry

Kind, State = ModelEntry.Kind, ModelEntry.State


def judge_for(user: Any, model: ModelEntry | None = None) -> ModelEntry | None:
    """Who judges: the model's own parent, else one that was not trained here, loaded ones first.

    Only autoregressive models on this machine that the user may see; None without any. Small models
    of this project know their own kind of text alone.
    """
    here = ModelEntry.visible_to(user).filter(kind=Kind.AUTOREGRESSIVE)
    found = list(here.exclude(state__in=(State.ABSENT, State.FAILED)).order_by("slug"))
    base = (model.card.get("training") or {}).get("base") if model else None
    ranked = sorted(
        found, key=lambda one: (one.slug != base, _small(one), one.state != State.LOADED)
    )
    return ranked[0] if ranked else None


def _small(entry: ModelEntry) -> bool:
    return entry.is_shipped or entry.owner_id is not None


def likely_by(judge: ModelEntry) -> Callable[[Sequence[int], Sequence[int]], float]:
    """(ids before, ids) → 1 / perplexity, for a model that shares the judge's tokens."""

    def likely(before: Sequence[int], ids: Sequence[int]) -> float:
        model = runtime.load(judge)
        perplexity = runtime.causal.score_ids(model, ids, before, whole=True).perplexity
        return 0.0 if perplexity is None else 1 / perplexity

    return likely


def shares_tokens(judge: ModelEntry, model: ModelEntry) -> bool:
    """Whether a model has its judge's tokens: it was made from it."""
    return bool(judge.slug == (model.card.get("training") or {}).get("base"))


def score(
    judge: ModelEntry,
    model: ModelEntry,
    ids: tuple[Sequence[int], Sequence[int]],
    texts: tuple[str, str],
) -> TextScore | None:
    """The score of what stands behind a prompt; each as ids of `model` and as text.

    Texts are tokenized anew for a judge with other tokens, and judged whole, however short its
    window. None where nothing is written.
    """
    if not ids[1] or not texts[1].strip():
        return None
    loaded = runtime.load(judge)
    if shares_tokens(judge, model):
        return runtime.causal.score_ids(loaded, ids[1], ids[0], whole=True)
    return runtime.causal.score_text(loaded, texts[1], texts[0], whole=True)

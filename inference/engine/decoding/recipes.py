"""Recipes: named combinations of the five parts, with the defaults of their parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from torch import Tensor

from inference import catalog

from ..canvas import Operation
from ..errors import InputError
from . import blocks, draws, official, quotas, reuse, revisions, scores, sources, uniform
from .sources import Source
from .view import Block, Drawn, RunState, View

Quota = Callable[[View, Drawn, Tensor], Tensor]
Revise = Callable[[View, Drawn, list[Operation]], list[Operation]]


@dataclass(frozen=True)
class Recipe:
    """score → quota → draw → block → revise, and the source that reads the logits for them.

    `uses` are the parameters that it reads. `published` is the variant that the `official` switch
    selects. `edits` says that expand and delete tokens may be drawn, `remembers` that quotas look
    at the distributions of earlier steps, `approximate` that a cache makes it inexact, `reopens`
    that it revises a canvas without an open place too. `repeats` tells from a carry how many of the
    last steps an interrupted run has to make again, and the carry before them: what lives in memory
    only comes back by that.
    """

    score: Callable[[View, Drawn], Tensor] = scores.probability
    quota: Quota = quotas.schedule
    draw: Callable[[View], Drawn] = draws.sample
    block: Callable[[RunState], Block | None] = blocks.chunks
    revise: Revise | None = None
    source: Source = sources.plain
    defaults: Mapping[str, Any] = field(default_factory=dict)
    uses: tuple[str, ...] = ()
    edits: bool = False
    remembers: bool = False
    reopens: bool = False
    repeats: Callable[[Mapping[str, Any]], tuple[int, dict[str, Any]]] | None = None
    approximate: bool = False
    published: Recipe | None = None


_PLAIN = ("temperature", "top_p", "top_k", "eos_last", "stop_at_end")
# only a score that is read from the ranking can be held down there
_RANKING = "confidence_eos_eot_inf"
LLADA = ("steps", "block_length", *_PLAIN, "cfg_scale", "logits_eos_inf", "official")
DREAM = ("steps", *_PLAIN, "eps", "official")
# a quota that compares scores with a bound can do nothing with scores that bear noise
DREAM_RANKED = (*DREAM, "alg_temp")
FAST = ("block_length", *_PLAIN, _RANKING)
RANKED = ("tokens_per_step", "block_length", *_PLAIN)

_llada_official = Recipe(
    quota=official.schedule, draw=draws.gumbel, block=official.llada_blocks, uses=LLADA
)
LLADA_LOW_CONFIDENCE = Recipe(uses=(*LLADA, _RANKING), published=_llada_official)
LLADA_RANDOM = Recipe(
    score=scores.chance,
    uses=LLADA,
    published=replace(_llada_official, score=scores.chance_over_evaluated),
)


def _ranked(score: Callable[[View, Drawn], Tensor], *reads: str) -> Recipe:
    return Recipe(score=score, quota=quotas.fixed, uses=(*RANKED, *reads))


RANK_LOW_CONFIDENCE = _ranked(scores.doubt, _RANKING)
RANK_HIGH_CONFIDENCE = _ranked(scores.confidence, _RANKING)
RANK_LOW_ENTROPY = _ranked(scores.plain_certainty, _RANKING)
RANK_HIGH_ENTROPY = _ranked(scores.uncertainty, _RANKING)
RANK_RANDOM = _ranked(scores.chance)
LEFT_TO_RIGHT = _ranked(scores.order)


def _dream(score: Callable[[View, Drawn], Tensor]) -> Recipe:
    return Recipe(
        score=score,
        quota=quotas.timetable,
        draw=draws.filtered,
        block=blocks.whole,
        uses=DREAM_RANKED,
        published=Recipe(
            score=score,
            quota=official.timetable,
            draw=draws.categorical,
            block=official.every_step,
        ),
    )


DREAM_MASKGIT_PLUS = _dream(scores.probability)
DREAM_TOPK_MARGIN = _dream(scores.margin)
DREAM_ENTROPY = _dream(scores.certainty)
DREAM_ORIGIN = Recipe(
    score=scores.chance,
    quota=quotas.flips,
    draw=draws.filtered,
    block=blocks.whole,
    uses=DREAM,
    published=Recipe(
        score=scores.order,
        quota=official.as_drawn,
        draw=official.origin,
        block=official.every_step,
    ),
)


def _fast(quota: Quota, published: Quota, reads: str, **changes: Any) -> Recipe:
    """Fast-dLLM with one of its quotas, without cache unless `source` says so."""
    source = changes.get("source", sources.plain)
    bounded = source is reuse.dual
    return Recipe(
        quota=quota,
        uses=(*FAST, reads, "official"),
        defaults={"block_length": 32},
        approximate=source is not sources.plain,
        published=Recipe(
            quota=published,
            draw=official.prefix_gumbel if source is reuse.prefix else draws.gumbel,
            block=official.fast_blocks_bounded if bounded else official.fast_blocks,
            source=source,
        ),
        **changes,
    )


FAST_SCHEDULE = _fast(quotas.schedule, official.schedule, "steps")
FAST_THRESHOLD = _fast(quotas.threshold, quotas.threshold, "threshold")
FAST_FACTOR = _fast(quotas.factor, official.fast_factor, "factor")
FAST_PREFIX = _fast(quotas.threshold, quotas.threshold, "threshold", source=reuse.prefix)
FAST_PREFIX_FACTOR = _fast(quotas.factor, official.fast_factor, "factor", source=reuse.prefix)
FAST_PREFIX_SCHEDULE = _fast(quotas.schedule, official.schedule, "steps", source=reuse.prefix)
FAST_DUAL = _fast(quotas.threshold, quotas.threshold, "threshold", source=reuse.dual)
FAST_DUAL_FACTOR = _fast(quotas.factor, official.fast_factor, "factor", source=reuse.dual)
FAST_DUAL_SCHEDULE = _fast(quotas.schedule, official.schedule, "steps", source=reuse.dual)
FAST_DREAM_THRESHOLD = Recipe(
    quota=quotas.threshold,
    draw=draws.filtered,
    block=blocks.whole,
    published=Recipe(quota=official.held_back, draw=draws.categorical, block=official.every_step),
)


def _fast_dream(source: Source, alg: str) -> Recipe:
    """Fast-dLLM's block decoding of Dream, as published, for the recorded runs."""
    by = {"maskgit_plus": scores.probability, "topk_margin": scores.margin}
    by |= {"entropy": scores.certainty}
    timed = alg in by
    return Recipe(
        score=by.get(alg, scores.probability),
        quota=official.block_timetable if timed else official.block_threshold,
        draw=official.block_categorical,
        block=official.fast_blocks,
        source=source,
        approximate=True,
    )


FAST_DREAM_BLOCK = {
    (alg, dual): _fast_dream(reuse.dual if dual else reuse.prefix, alg)
    for alg in ("maskgit_plus", "topk_margin", "entropy", "confidence_threshold")
    for dual in (False, True)
}
ENTROPY_BOUND = Recipe(
    score=scores.plain_certainty,
    quota=quotas.entropy_bound,
    uses=(*FAST, "gamma"),
)
DREAMON = Recipe(
    score=scores.certainty,
    quota=quotas.fixed,
    draw=draws.filtered,
    block=blocks.whole,
    revise=revisions.resize,
    edits=True,
    defaults={"max_new_tokens": 64},
    uses=(
        "max_new_tokens",
        "expand_budget",
        "pad_delete_to_right",
        "tokens_per_step",
        *("temperature", "top_p", "top_k", "alg_temp", "official"),
    ),
)
DREAMON_PUBLISHED = {
    alg: replace(
        DREAMON,
        score=score,
        quota=official.number,
        draw=draws.categorical,
        revise=official.resize_first,
    )
    for alg, score in (
        ("maskgit_plus", scores.probability),
        ("topk_margin", scores.margin),
        ("entropy", scores.certainty),
    )
}
DREAMON = replace(DREAMON, published=DREAMON_PUBLISHED["entropy"])
LLADA2 = Recipe(
    quota=quotas.confident_or_quota,
    block=blocks.aligned,
    defaults={"threshold": 0.95, "block_length": 32},
    uses=(*FAST, "threshold", "tokens_per_step"),
)
LLADA2_EDIT = replace(
    LLADA2,
    block=blocks.revisited,
    revise=revisions.edit,
    source=sources.with_settled,
    uses=(*LLADA2.uses, "edit_threshold", "max_post_steps"),
)
KLASS = Recipe(
    quota=quotas.stable,
    remembers=True,
    defaults={"threshold": 0.6},
    uses=(*FAST, "threshold", "kl_threshold", "kl_steps"),
)
REMDM = Recipe(
    score=scores.chance,
    quota=quotas.ancestral,
    block=blocks.until_the_end,
    revise=revisions.remask,
    reopens=True,
    uses=("steps", "temperature", "top_p", "top_k", "eta", "remask_on", "remask_off"),
)
WINO = Recipe(
    quota=quotas.draft,
    revise=revisions.verify,
    source=sources.with_shadow,
    uses=(*FAST, "draft_threshold", "verify_threshold"),
)
DIFFUSION_GEMMA = Recipe(
    score=uniform.certainty,
    quota=quotas.entropy_bound,
    draw=uniform.tempered,
    block=uniform.canvases,
    revise=uniform.settle,
    source=uniform.noisy_canvas,
    repeats=uniform.block_start,
    uses=("steps", "gamma", "t_max", "t_min", "stop_entropy"),
)


def recipe_named(name: str) -> Recipe:
    """The recipe with that name. Raises InputError for an unknown one."""
    if name not in catalog.RECIPES:
        known = ", ".join(catalog.RECIPES)
        raise InputError(f"Unknown recipe {name!r}. Known: {known}.", "recipe")
    recipe: Recipe = catalog.resolve(catalog.RECIPES[name])
    return recipe

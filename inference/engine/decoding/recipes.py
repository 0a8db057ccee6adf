"""Recipes of LLaDA, Dream, Fast-dLLM and block models; those of single papers lie in `rules`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

from torch import Tensor

from inference import catalog
from inference.engine.decoding import (
    blocks,
    draws,
    kv_cache,
    quotas,
    revisions,
    scores,
    sources,
    uniform_noise,
)
from inference.engine.decoding.official import loops as official
from inference.engine.decoding.recipe import Quota, Recipe
from inference.engine.decoding.sources import Source
from inference.engine.decoding.view import Drawn, View
from inference.engine.errors import InputError

_llada_official = Recipe(quota=official.schedule, draw=draws.gumbel, block=official.llada_blocks)
LLADA_LOW_CONFIDENCE = Recipe(published=_llada_official)
LLADA_RANDOM = Recipe(
    score=scores.chance,
    published=replace(_llada_official, score=scores.chance_over_evaluated),
)


def _ranked(score: Callable[[View, Drawn], Tensor]) -> Recipe:
    return Recipe(score=score, quota=quotas.fixed)


RANK_LOW_CONFIDENCE = _ranked(scores.doubt)
RANK_HIGH_CONFIDENCE = _ranked(scores.confidence)
RANK_LOW_ENTROPY = _ranked(scores.plain_certainty)
RANK_HIGH_ENTROPY = _ranked(scores.uncertainty)
RANK_RANDOM = _ranked(scores.chance)
LEFT_TO_RIGHT = _ranked(scores.order)


def _dream(score: Callable[[View, Drawn], Tensor]) -> Recipe:
    return Recipe(
        score=score,
        quota=quotas.timetable,
        draw=draws.filtered,
        block=blocks.whole,
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
    published=Recipe(
        score=scores.order,
        quota=official.as_drawn,
        draw=official.origin,
        block=official.every_step,
    ),
)


def _fast(quota: Quota, published: Quota, **changes: Any) -> Recipe:
    """Fast-dLLM with one of its quotas, without cache unless `source` says so."""
    source = changes.get("source", sources.plain)
    bounded = source is kv_cache.dual
    return Recipe(
        quota=quota,
        approximate=source is not sources.plain,
        published=Recipe(
            quota=published,
            draw=official.prefix_gumbel if source is kv_cache.prefix else draws.gumbel,
            block=official.fast_blocks_bounded if bounded else official.fast_blocks,
            source=source,
        ),
        **changes,
    )


FAST_SCHEDULE = _fast(quotas.schedule, official.schedule)
FAST_THRESHOLD = _fast(quotas.threshold, quotas.threshold)
FAST_FACTOR = _fast(quotas.factor, official.fast_factor)
FAST_PREFIX = _fast(quotas.threshold, quotas.threshold, source=kv_cache.prefix)
FAST_PREFIX_FACTOR = _fast(quotas.factor, official.fast_factor, source=kv_cache.prefix)
FAST_PREFIX_SCHEDULE = _fast(quotas.schedule, official.schedule, source=kv_cache.prefix)
FAST_DUAL = _fast(quotas.threshold, quotas.threshold, source=kv_cache.dual)
FAST_DUAL_FACTOR = _fast(quotas.factor, official.fast_factor, source=kv_cache.dual)
FAST_DUAL_SCHEDULE = _fast(quotas.schedule, official.schedule, source=kv_cache.dual)
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
    (alg, dual): _fast_dream(kv_cache.dual if dual else kv_cache.prefix, alg)
    for alg in ("maskgit_plus", "topk_margin", "entropy", "confidence_threshold")
    for dual in (False, True)
}
ENTROPY_BOUND = Recipe(
    score=scores.plain_certainty,
    quota=quotas.entropy_bound,
)
DREAMON = Recipe(
    score=scores.certainty,
    quota=quotas.fixed,
    draw=draws.filtered,
    block=blocks.whole,
    revise=revisions.resize,
    edits=True,
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
    draw=draws.filtered_k_first,
    block=blocks.aligned,
    prepare=blocks.up_to_the_border,
)
SDAR_DYNAMIC = LLADA2
SDAR_STATIC = replace(LLADA2, quota=quotas.static_share)
SDAR_SEQUENTIAL = replace(SDAR_STATIC, score=scores.order)
LLADA2_EDIT = replace(
    LLADA2,
    block=blocks.revisited,
    revise=revisions.edit,
    source=sources.with_settled,
)
FAST_V2 = Recipe(
    quota=quotas.above_threshold,
    draw=draws.filtered_but_first,
    block=blocks.small_blocks,
    prepare=blocks.up_to_the_border,
)
FAST_V2_CACHE = replace(FAST_V2, source=kv_cache.small_block, approximate=True)
DIFFUSION_GEMMA = Recipe(
    score=uniform_noise.certainty,
    quota=quotas.entropy_bound,
    draw=uniform_noise.tempered,
    block=uniform_noise.canvases,
    revise=uniform_noise.settle,
    source=uniform_noise.noisy_canvas,
    repeats=uniform_noise.block_start,
)


@cache
def recipe_named(name: str) -> Recipe:
    """The recipe with that name, completed from the catalogue. Raises InputError for another."""
    if name not in catalog.RECIPES:
        known = ", ".join(catalog.RECIPES)
        raise InputError(f"Unknown recipe {name!r}. Known: {known}.", "recipe")
    row = catalog.RECIPES[name]
    recipe: Recipe = catalog.resolve(row)
    return replace(recipe, uses=row.uses, defaults=row.defaults)

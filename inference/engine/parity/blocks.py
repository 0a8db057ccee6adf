"""Recorded runs of block models: SDAR, LLaDA2, Fast-dLLM v2."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from inference.engine.decoding import recipes, sources
from inference.engine.decoding.official import block_models as official
from inference.engine.decoding.recipe import Quota, Revise
from inference.engine.parity.trials import Case, Trial, check_trial, params

DRAW = {"temperature": "temperature", "top_k": "top_k", "top_p": "top_p"}
SDAR = {**DRAW, "denoising_steps": "block_steps", "threshold": "threshold"}
SDAR |= {"confidence_threshold": "threshold"}
SDAR_RULES = {
    "low_confidence_static": recipes.SDAR_STATIC,
    "low_confidence_dynamic": recipes.SDAR_DYNAMIC,
    "sequential": recipes.SDAR_SEQUENTIAL,
}


SURPLUS: dict[str, tuple[Quota, Revise]] = {
    "low_confidence_static": (official.share_over_the_block, official.overwritten),
    "low_confidence_dynamic": (official.confident_or_topk, official.overwritten_unless_confident),
}
"""Rules whose share falls on places that hold a token where it is larger than the masks left."""


def _sdar(case: Case) -> Trial:
    given = case["params"]
    stops = bool(given.get("stopping_criteria_idx"))
    rule, size = given["remasking_strategy"], given["block_length"]
    quota, revise = SURPLUS.get(rule, (SDAR_RULES[rule].quota, None))
    recipe = replace(
        SDAR_RULES[rule],
        draw=official.multinomial_over_the_block,
        quota=quota,
        source=sources.with_settled,
        revise=revise,
    )
    values = params(case, SDAR, official=True, stop_after_block=stops)
    begun = len(case["input_ids"][0]) % size if revise else 0
    spec = {"block_size": size}
    return Trial(recipe, values, spec, given["gen_length"], unprotected=begun)


def _opencompass(case: Case) -> Trial:
    given = case["params"]
    stops = bool(given.get("stopping_criteria_idx"))
    dynamic = given.get("threshold") is not None and given["threshold"] < 1.0
    rule = recipes.SDAR_DYNAMIC if dynamic else recipes.SDAR_STATIC
    recipe = replace(rule, draw=official.multinomial_at_temperature)
    values = params(case, SDAR, official=True, stop_after_block=stops)
    return Trial(recipe, values, {"block_size": given["block_length"]}, given["gen_length"])


LLADA2 = {**DRAW, "threshold": "threshold", "editing_threshold": "edit_threshold"}
LLADA2 |= {"max_post_steps": "max_post_steps", "num_to_transfer": "tokens_per_step"}


def _llada2(case: Case) -> Trial:
    given = case["params"]
    steps = min(given.get("steps", 32), given["gen_length"] // given.get("minimal_topk", 1))
    values = params(
        case,
        {"threshold": "threshold", **LLADA2},
        official=True,
        block_steps=steps,
        stop_after_block=True,
        stop_at_end=bool(given.get("eos_early_stop")),
        **_defaults(case, threshold=0.95),
    )
    recipe = replace(recipes.LLADA2, draw=official.multinomial_over_the_block)
    return Trial(recipe, values, {"block_size": given["block_length"]}, given["gen_length"])


def _llada21(case: Case) -> Trial:
    given = case["params"]
    values = params(
        case,
        LLADA2,
        official=True,
        stop_after_block=bool(given.get("eos_early_stop")),
        **_defaults(case, threshold=0.95, editing_threshold=0.9),
    )
    recipe = replace(
        recipes.LLADA2_EDIT,
        draw=official.multinomial_over_the_block,
        revise=official.edit_as_drawn,
    )
    return Trial(recipe, values, {"block_size": given["block_length"]}, given["gen_length"])


def _defaults(case: Case, **published: float) -> dict[str, float]:
    """The published defaults of what the case does not give, by our names."""
    absent = {name: value for name, value in published.items() if name not in case["params"]}
    return {LLADA2[name]: value for name, value in absent.items()}


FAST2 = {**DRAW, "threshold": "threshold", "small_block_size": "small_block_length"}


def _fast2(case: Case, stops: str, **parts: Any) -> Trial:
    """A prompt of exactly one block is never looked at, by a fault of the published code."""
    given, size = case["params"], case["params"]["block_size"]
    prompt = len(case["input_ids"][0])
    skip = size if prompt == size else 0
    blocks = prompt // size + given["max_new_tokens"] // size - skip // size
    cached = bool(given.get("use_block_cache"))
    recipe = replace(
        recipes.FAST_V2_CACHE if cached else recipes.FAST_V2,
        draw=official.multinomial_over_the_small_block,
        prepare=None,
        **parts,
    )
    values = params(case, FAST2, official=True, **{stops: True})
    length = blocks * size + 1 - (prompt - skip)
    return Trial(recipe, values, {"block_size": size}, length, skip=skip, grows=True)


def _fast2_generate(case: Case) -> Trial:
    return _fast2(case, "stop_at_end")


def _fast2_batch(case: Case) -> Trial:
    return _fast2(case, "stop_after_block", revise=official.pads_behind_the_end)


BLOCKS = {
    "fastdllm2.generate": check_trial(_fast2_generate),
    "fastdllm2.batch_sample": check_trial(_fast2_batch),
    "sdar.generate": check_trial(_sdar),
    "sdar.opencompass": check_trial(_opencompass),
    "llada2.generate": check_trial(_llada2),
    "llada21.generate": check_trial(_llada21),
}

"""Recorded runs of rules that change the canvas, slide over it, or look at several at a time."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

from inference.engine.decoding import quotas, scores
from inference.engine.decoding.draws import gumbel
from inference.engine.decoding.official import noise
from inference.engine.decoding.official import research as official
from inference.engine.decoding.official.info_gain import INFO_GAIN_DRAWN
from inference.engine.decoding.official.loops import llada_blocks
from inference.engine.decoding.params import Params
from inference.engine.decoding.rules import (
    core,
    daedal,
    dcd,
    freedave,
    info_gain,
    slowfast,
    soar,
)
from inference.engine.parity.research import CHUNKS, DRAW
from inference.engine.parity.trials import Case, Tokens, Trial, check_trial, params

DAEDAL = {
    "block_length": "block_length",
    "max_gen_length": "max_new_tokens",
    "high_conf_threshold": "threshold",
    "low_conf_threshold": "low_threshold",
    "expansion_factor": "expansion_factor",
    "eos_confidence_threshold": "eos_grow",
    "expand_eos_confidence_threshold": "eos_expand",
    "eos_check_tokens": "eos_check",
    "temperature": "temperature",
}


def _daedal(case: Case) -> Trial:
    draw = official.likeliest_but_not_all_masks
    recipe = replace(daedal.DAEDAL, draw=draw, quota=official.no_mask_above)
    length = case["params"]["initial_gen_length"]
    roles = ("length", "denoise")
    return Trial(recipe, params(case, DAEDAL, official=True), length=length, roles=roles)


DCD = {"initial_window_length": "window_masks", "max_window_length": "window_length"}
DCD |= {"refresh_count": "refresh_count", "block_size": "block_length", **DRAW}
DCD_CACHES = {"prefix": dcd.DCD_PREFIX, "dual": dcd.DCD_DUAL}
SHORTER = {
    "prefix": dcd.prefix_without_the_place_ahead,
    "dual": dcd.dual_without_the_place_ahead,
}
"""Without the place ahead of the last one that is read."""


def _dcd(case: Case) -> Trial:
    """`cache_type` may carry a delay behind its name; fixed numbers instead of a threshold."""
    given = case["params"]
    kind, _, delay = (given.get("cache_type") or "").partition("-delay")
    recipe = DCD_CACHES.get(kind, dcd.DCD)
    if given["window_type"] == "static":
        recipe = dcd.DCD_STATIC
    values = params(case, DCD, cache_delay=int(delay or 0))
    if given["decode_algo"] == "fixed":
        recipe = replace(recipe, quota=quotas.fixed)
        values = replace(values, tokens_per_step=given["decode_param"])
    else:
        values = replace(values, threshold=given["decode_param"])
    if given.get("lookahead") == 0 and kind in SHORTER:
        recipe = replace(recipe, source=SHORTER[kind])
    narrower = (values.window_length or values.window_masks) < values.window_masks
    if narrower and given["window_type"] == "sliding":
        recipe = replace(recipe, block=official.wide_first_window)
    return Trial(replace(recipe, draw=official.multinomial_over_the_window), values)


SLOWFAST = {
    **CHUNKS,
    "k_exploration_steps": "explore_steps",
    "cycle_len_confidence_threshold": "reach_threshold",
    "cycle_length_stability_window": "stable_window",
    "cycle_length_stability_std_dev_threshold": "stable_deviation",
    "high_confidence_threshold": "threshold",
}


def _slowfast(case: Case) -> Trial:
    recipe = replace(slowfast.SLOWFAST, draw=noise.gumbel_behind_the_prompt)
    return Trial(recipe, params(case, SLOWFAST, official=True))


INFO = {**DRAW, "variant": "info_form", "candidate_number": "candidates"}
INFO |= {"position_temperature": "position_temperature", "threshold": "threshold"}
INFO |= {"block_size": "block_length"}


def _info_gain(case: Case) -> Trial:
    """At most steps // blocks choices a block."""
    given = case["params"]
    blocks = given["max_new_tokens"] // given["block_size"]
    bounded = official.bounded_choices(given["steps"] // blocks)
    recipe = INFO_GAIN_DRAWN if given.get("temperature") else info_gain.INFO_GAIN
    recipe = replace(recipe, block=bounded)
    return Trial(recipe, params(case, INFO, official=True), recorded=_chosen)


def _chosen(case: Case) -> list[Tokens]:
    """The canvas after each choice, and after what was then written without another one."""
    found = [case["states"][0][0]]
    rows = [*case["states"], case["final"]]
    for number, one in enumerate(case["candidates"]):
        after = rows[number + 1]
        if one is not None:
            found.append(rows[number][_winner(one)])
        if len(after) == 1 and _masks(case, after[0]) < _masks(case, found[-1]):
            is_next = number + 1 < len(case["candidates"]) and case["candidates"][number + 1]
            found += [] if is_next else [after[0]]
    return found[1:]


def _masks(case: Case, tokens: Tokens) -> int:
    return tokens.count(case["special"]["mask_id"])


def _winner(candidates: dict[str, list[float]]) -> int:
    objective = candidates["objective"]
    return max(range(len(objective)), key=objective.__getitem__)


def _soar(case: Case) -> Trial:
    names = {**CHUNKS, "confidence_threshold": "threshold", "max_beam_size": "beam_size"}
    recipe = replace(soar.SOAR, block=official.at_most(case["params"]["steps"]))
    return Trial(recipe, params(case, names))


def _core(case: Case) -> Trial:
    given = case["params"]
    env = given.get("env", {})
    numbers = {"core_every": "REVISE_EVERY", "core_candidates": "CANDIDATE_M"}
    more = {ours: int(env[theirs]) for ours, theirs in numbers.items() if theirs in env}
    form = "margin" if given["remasking"] == "margin_remask" else "core"
    recipe = replace(core.CORE, draw=gumbel, block=llada_blocks)
    if env.get("BASE_MASKING") == "margin":
        recipe = replace(recipe, score=scores.margin)
    names = {**CHUNKS, "steps": "steps", "remask_k": "core_revisions"}
    values = params(case, names, core_form=form, official=True, **more)
    return Trial(recipe, values, recorded=_revised)


def _revised(case: Case) -> list[Tokens]:
    """A step and the look at its written tokens are one."""
    rows, roles = [*case["states"][1:], case["final"]], [*case["roles"][1:], ""]
    return [row[0] for row, following in zip(rows, roles, strict=True) if following != "verify"]


FREEDAVE = {**CHUNKS, "draft_steps": "draft_steps", "confidence_threshold": "threshold"}


def _freedave_full(case: Case) -> Trial:
    """With the caches of Fast-dLLM, canvas after canvas."""
    given = case["params"]
    size, steps = given["block_length"], given.get("decoding_steps") or given["max_gen_length"]
    source = freedave.drafts(official.drafts_with_cache(bool(given.get("dual_cache"))))
    recipe = replace(freedave.FREEDAVE, source=source)
    values = _drafts(case, tokens_per_step=max(1, given["max_gen_length"] // steps))
    return Trial(recipe, replace(values, block_length=size), recorded=_writing)


def _freedave_block(case: Case) -> Trial:
    values = _drafts(case, official=True)
    spec = {"block_size": case["params"]["block_length"]}
    length = case["params"]["max_gen_length"]
    return Trial(freedave.FREEDAVE_BLOCKS, values, spec, length, recorded=_before_the_next)


def _before_the_next(case: Case) -> list[Tokens]:
    """The canvas with which the next evaluation that writes begins."""
    states = zip(case["states"], case["roles"], strict=True)
    begun = [state[0] for state, role in states if role == "denoise"]
    return _changing([*begun, case["final"][0]])


def _writing(case: Case) -> list[Tokens]:
    return _changing([state[0] for state in [*case["states"], case["final"]]])


def _changing(rows: list[Tokens]) -> list[Tokens]:
    """The canvases that differ from the one before.

    A block that a threshold's draft has filled at once is looked at again, to no effect.
    """
    return [after for before, after in itertools.pairwise(rows) if after != before]


def _drafts(case: Case, **more: Any) -> Params:
    """Without drafts it is the baseline: one canvas at a time."""
    by = "threshold" if case["params"].get("confidence_threshold") is not None else "number"
    alone = {} if case["params"].get("draft_steps") else {"draft_steps": 1}
    ahead = bool(case["params"].get("eager_acceptance_mode"))
    return params(case, FREEDAVE, draft_by=by, draft_ahead=ahead, **alone, **more)


CANVASES = {
    "slowfast": check_trial(_slowfast),
    "info_gain": check_trial(_info_gain),
    "soar": check_trial(_soar),
    "core": check_trial(_core),
    "freedave.full": check_trial(_freedave_full),
    "freedave.block": check_trial(_freedave_block),
    "dcd": check_trial(_dcd),
    "dcd.dream": check_trial(_dcd),
    "daedal": check_trial(_daedal),
}

"""Recorded runs of the rules of single papers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from inference.engine.decoding import quotas, recipes, scores
from inference.engine.decoding.official import block_models, loops, remdm
from inference.engine.decoding.official import research as official
from inference.engine.decoding.params import Params
from inference.engine.decoding.recipe import Recipe
from inference.engine.decoding.rules import (
    confidence_loop,
    core,
    daedal,
    dcd,
    dinfer,
    freedave,
    info_gain,
    klass,
    p2,
    pc_sampler,
    prophet,
    slowfast,
    soar,
    wino,
)
from inference.engine.decoding.sources import Reader, Reading, Source
from inference.engine.decoding.view import Block, RunState
from inference.engine.parity.trials import Build, Case, Tokens, Trial, check_trial, params

DRAW = {"temperature": "temperature", "top_k": "top_k", "top_p": "top_p"}
CHUNKS = {**DRAW, "block_length": "block_length"}


def _wino(case: Case) -> Trial:
    names = {**CHUNKS, "threshold": "draft_threshold", "threshold_back": "verify_threshold"}
    return Trial(wino.WINO, params(case, names))


KLASS = {"conf_threshold": "threshold", "kl_threshold": "kl_threshold"}
KLASS |= {"kl_history_length": "kl_steps", "unmask_strategy": "klass_unmask", "steps": "steps"}


def _klass(case: Case) -> Trial:
    return Trial(klass.KLASS, params(case, {**CHUNKS, **KLASS}))


def _klass_dream(case: Case) -> Trial:
    recipe = replace(klass.KLASS_DREAM, block=official.bounded_by_steps)
    return Trial(recipe, params(case, {**DRAW, **KLASS}))


def _entropy_bound(case: Case) -> Trial:
    return Trial(recipes.ENTROPY_BOUND, params(case, {**DRAW, "gamma": "gamma"}))


UNSET = {"threshold": 1.0, "low_threshold": 0.0}
"""What dInfer's None means: no threshold (nothing exceeds 1), no lower bound."""


def _dinfer(rule: Recipe) -> Build:
    """The loop looks whether a block is full only after some evaluations."""

    def build(case: Case) -> Trial:
        given = case["params"]
        decoder, loop = given["decoder"], given["llm"]
        names: tuple[str, ...] = ("threshold", "low_threshold", "temperature")
        names += ("credit_alpha", "boost_gamma", "decay_beta")
        ours = {"boost_gamma": "credit_gamma", "decay_beta": "credit_decay"}
        values: dict[str, Any] = {
            ours.get(name, name): UNSET[name] if decoder[name] is None else decoder[name]
            for name in names
            if name in decoder
        }
        recipe = replace(
            rule, block=official.unrolled(loop["expected_tpf"], loop["maximum_unroll"])
        )
        stops = bool(loop.get("early_stop"))
        values |= {"block_length": given["block_length"], "stop_after_block": stops}
        return Trial(recipe, Params(**values))

    return build


def _hierarchy_loop(case: Case) -> Trial:
    names = {**CHUNKS, "threshold": "threshold", "low_threshold": "low_threshold"}
    return Trial(dinfer.HIERARCHY_FAST, params(case, names))


def _prophet(case: Case) -> Trial:
    bounds = case["params"]["early_exit_thresholds"]
    names = {**CHUNKS, "steps": "steps", "answer_start_pos": "answer_start"}
    phases = {f"gap_{name}": value for name, value in bounds.items()}
    return Trial(prophet.PROPHET, params(case, names, **phases))


PC = {**CHUNKS, "steps": "steps", "lambd": "pc_lambda", "alpha": "pc_alpha"}


def _pc_sampler(rule: Recipe) -> Build:
    """LLaDA's loop as published, and the table of frequencies of the case for the background."""

    def build(case: Case) -> Trial:
        parts: dict[str, Any] = {
            "quota": block_models.schedule_over_the_block,
            "block": loops.llada_blocks,
        }
        recipe = replace(rule, **parts, source=_with_table(rule.source, case))
        return Trial(recipe, params(case, PC, official=True))

    return build


def _with_table(source: Source, case: Case) -> Source:
    table = case["params"]["baseline"]
    total = table["num_token"]

    def read(reader: Reader, state: RunState, block: Block) -> Reading:
        size = state.spec.vocab_size
        found = torch.full((size,), 1.0 / total)
        for token, count in table["p_baseline_dict"].items():
            found[int(token)] = count / total
        reader.background = (len(state.canvas), found)
        return source(reader, state, block)

    return read


LOOP = {**DRAW, "init_unmask_ratio": "loop_start", "unmask_k": "loop_tokens"}
LOOP |= {"loop_steps": "loop_steps"}


def _confidence_loop(case: Case) -> Trial:
    return Trial(confidence_loop.CONFIDENCE_LOOP, params(case, LOOP))


def _p2(case: Case) -> Trial:
    given = case["params"]
    recipe = replace(p2.P2, draw=official.noisy) if given.get("tau") else p2.P2
    if given.get("score") == "random":
        recipe = replace(recipe, draw=official.random_score)
    names = {"num_steps": "steps", "eta": "p2_eta", "kappa": "p2_kappa", "tau": "temperature"}
    return Trial(recipe, params(case, names, official=True))


def _remdm(case: Case) -> Trial:
    form = case["params"]["sampler"].removeprefix("remdm-")
    eta: dict[str, Any] = {"eta": 0.0} if form == "mdlm" else {}
    names = {"steps": "steps", "eta": "eta", "nucleus_p": "top_p", "t_on": "remask_on"}
    names |= {"t_off": "remask_off", "alpha_on": "loop_alpha", "eps": "eps"}
    values = params(case, names, official=True, remdm_form="cap" if eta else form)
    return Trial(remdm.REMDM, replace(values, **eta))


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
    if given.get("lookahead") == 0 and kind == "dual":
        recipe = replace(recipe, source=dcd.dual_without_the_place_ahead)
    return Trial(recipe, values)


SLOWFAST = {
    **CHUNKS,
    "k_exploration_steps": "explore_steps",
    "cycle_len_confidence_threshold": "reach_threshold",
    "cycle_length_stability_window": "stable_window",
    "cycle_length_stability_std_dev_threshold": "stable_deviation",
    "high_confidence_threshold": "threshold",
}


def _slowfast(case: Case) -> Trial:
    return Trial(slowfast.SLOWFAST, params(case, SLOWFAST, official=True))


INFO = {**DRAW, "variant": "info_form", "candidate_number": "candidates"}
INFO |= {"position_temperature": "position_temperature", "threshold": "threshold"}
INFO |= {"block_size": "block_length"}


def _info_gain(case: Case) -> Trial:
    """At most steps // blocks choices a block."""
    given = case["params"]
    blocks = given["max_new_tokens"] // given["block_size"]
    bounded = official.bounded_choices(given["steps"] // blocks)
    recipe = replace(info_gain.INFO_GAIN, block=bounded)
    return Trial(recipe, params(case, INFO), recorded=_chosen)


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
    recipe = core.CORE
    if env.get("BASE_MASKING") == "margin":
        recipe = replace(recipe, score=scores.margin)
    names = {**CHUNKS, "steps": "steps", "remask_k": "core_revisions"}
    return Trial(recipe, params(case, names, core_form=form, **more), recorded=_revised)


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
    return Trial(recipe, replace(values, block_length=size))


def _freedave_block(case: Case) -> Trial:
    values = _drafts(case, official=True, stop_after_block=True)
    spec = {"block_size": case["params"]["block_length"]}
    length = case["params"]["max_gen_length"]
    return Trial(freedave.FREEDAVE_BLOCKS, values, spec, length)


def _drafts(case: Case, **more: Any) -> Params:
    """Without drafts it is the baseline: one canvas at a time."""
    by = "threshold" if case["params"].get("confidence_threshold") is not None else "number"
    alone = {} if case["params"].get("draft_steps") else {"draft_steps": 1}
    return params(case, FREEDAVE, draft_by=by, **alone, **more)


RESEARCH = {
    "slowfast": check_trial(_slowfast),
    "info_gain": check_trial(_info_gain),
    "soar": check_trial(_soar),
    "core": check_trial(_core),
    "freedave.full": check_trial(_freedave_full),
    "freedave.block": check_trial(_freedave_block),
    "dcd": check_trial(_dcd),
    "dcd.dream": check_trial(_dcd),
    "daedal": check_trial(_daedal),
    "wino": check_trial(_wino),
    "klass": check_trial(_klass),
    "klass.dream": check_trial(_klass_dream),
    "entropy_bound": check_trial(_entropy_bound),
    "dinfer.threshold": check_trial(_dinfer(dinfer.THRESHOLD)),
    "dinfer.credit": check_trial(_dinfer(dinfer.CREDIT)),
    "dinfer.hierarchy": check_trial(_dinfer(dinfer.HIERARCHY)),
    "dinfer.hierarchy_loop": check_trial(_hierarchy_loop),
    "prophet": check_trial(_prophet),
    "pc_sampler": check_trial(_pc_sampler(pc_sampler.PC_SAMPLER)),
    "pc.linear_position": check_trial(_pc_sampler(pc_sampler.PC_LINEAR)),
    "pc.remdm_loop": check_trial(_confidence_loop),
    "p2": check_trial(_p2),
    "remdm": check_trial(_remdm),
}

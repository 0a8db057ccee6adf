"""Recorded runs of the rules of single papers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from inference.engine.decoding import recipes
from inference.engine.decoding.draws import gumbel
from inference.engine.decoding.official import block_models, loops, noise, remdm
from inference.engine.decoding.official import research as official
from inference.engine.decoding.params import Params
from inference.engine.decoding.recipe import Recipe
from inference.engine.decoding.rules import (
    confidence_loop,
    dinfer,
    klass,
    p2,
    pc_sampler,
    prophet,
    wino,
)
from inference.engine.decoding.sources import Reader, Reading, Source
from inference.engine.decoding.view import Block, RunState
from inference.engine.parity.trials import Build, Case, Trial, check_trial, params

DRAW = {"temperature": "temperature", "top_k": "top_k", "top_p": "top_p"}
CHUNKS = {**DRAW, "block_length": "block_length"}


def _wino(case: Case) -> Trial:
    names = {**CHUNKS, "threshold": "draft_threshold", "threshold_back": "verify_threshold"}
    return Trial(replace(wino.WINO, draw=noise.gumbel_with_shadows), params(case, names))


KLASS = {"conf_threshold": "threshold", "kl_threshold": "kl_threshold"}
KLASS |= {"kl_history_length": "kl_steps", "unmask_strategy": "klass_unmask", "steps": "steps"}


def _klass(case: Case) -> Trial:
    values = params(case, {**CHUNKS, **KLASS})
    source = noise.noised(klass.KLASS.source, values.temperature)
    recipe = klass.KLASS
    if values.temperature:
        recipe = replace(recipe, source=source, quota=noise.stable_by_topk)
    return Trial(recipe, replace(values, temperature=0.0))


def _klass_dream(case: Case) -> Trial:
    recipe = replace(
        klass.KLASS_DREAM,
        block=official.bounded_by_steps,
        draw=official.likeliest,
        quota=official.ready_or_best_filtered,
    )
    return Trial(recipe, params(case, {**DRAW, **KLASS}))


def _entropy_bound(case: Case) -> Trial:
    recipe = replace(recipes.ENTROPY_BOUND, draw=gumbel)
    return Trial(recipe, params(case, {**DRAW, "gamma": "gamma"}, official=True))


UNSET = {"threshold": 1.0, "low_threshold": 0.0}
"""What dInfer's None means: no threshold (nothing exceeds 1), no lower bound."""


def _dinfer(rule: Recipe) -> Build:
    """The loop looks whether a block is full only after some evaluations."""

    def build(case: Case) -> Trial:
        given = case["params"]
        decoder, loop = given["decoder"], given["llm"]
        names = ["threshold", "low_threshold", "temperature"]
        names += ["credit_alpha", "boost_gamma", "decay_beta"]
        ours = {"boost_gamma": "credit_gamma", "decay_beta": "credit_decay"}
        values: dict[str, Any] = {
            ours.get(name, name): UNSET[name] if decoder[name] is None else decoder[name]
            for name in names
            if name in decoder
        }
        recipe = replace(
            rule, block=official.unrolled(loop["expected_tpf"], loop["maximum_unroll"])
        )
        credit = rule is dinfer.CREDIT
        draw = noise.gumbel_after_credit if credit else noise.gumbel_over_the_block
        recipe = replace(recipe, draw=draw, reopens=True)  # noise is drawn for full blocks too
        stops = bool(loop.get("early_stop"))
        values |= {"block_length": given["block_length"], "stop_after_block": stops}
        return Trial(recipe, Params(**values))

    return build


def _hierarchy_loop(case: Case) -> Trial:
    names = {**CHUNKS, "threshold": "threshold", "low_threshold": "low_threshold"}
    recipe = replace(dinfer.HIERARCHY_FAST, draw=noise.gumbel_over_the_block)
    return Trial(recipe, params(case, names))


def _prophet(case: Case) -> Trial:
    bounds = case["params"]["early_exit_thresholds"]
    names = {**CHUNKS, "steps": "steps", "answer_start_pos": "answer_start"}
    phases = {f"gap_{name}": value for name, value in bounds.items()}
    recipe = replace(
        prophet.PROPHET,
        draw=gumbel,
        block=official.in_sight_of_all,
        quota=official.exit_or_schedule,
        revise=official.noted_exit,
    )
    return Trial(recipe, params(case, names, official=True, **phases))


PC = {**CHUNKS, "steps": "steps", "lambd": "pc_lambda", "alpha": "pc_alpha"}


def _pc_sampler(rule: Recipe) -> Build:
    """LLaDA's loop as published, and the table of frequencies of the case for the background."""

    def build(case: Case) -> Trial:
        recipe = replace(
            rule,
            draw=gumbel,
            quota=block_models.schedule_over_the_block,
            block=loops.llada_blocks,
            source=_with_table(rule.source, case),
        )
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
    return Trial(replace(confidence_loop.CONFIDENCE_LOOP, draw=gumbel), params(case, LOOP))


def _p2(case: Case) -> Trial:
    given = case["params"]
    recipe = replace(p2.P2, draw=official.noisy) if given.get("tau") else p2.P2
    if given.get("score") == "random":
        recipe = replace(recipe, draw=official.random_score)
    names = {"num_steps": "steps", "eta": "p2_eta", "kappa": "p2_kappa", "tau": "temperature"}
    return Trial(recipe, params(case, names, official=True))


def _remdm(case: Case) -> Trial:
    form = case["params"]["sampler"].removeprefix("remdm-")
    plain = form == "mdlm"
    names = {"steps": "steps", "eta": "eta", "nucleus_p": "top_p", "t_on": "remask_on"}
    names |= {"t_off": "remask_off", "alpha_on": "loop_alpha", "eps": "eps"}
    values = params(case, names, official=True, remdm_form="cap" if plain else form)
    return Trial(remdm.REMDM, replace(values, eta=0.0) if plain else values)


RESEARCH = {
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

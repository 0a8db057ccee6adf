"""Recorded decode runs against the same recipes under the `official` switch, step by step.

Rows of a batch are run one by one without their left padding: they do not depend on each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import zip_longest
from typing import Any

import torch
from torch import Tensor

from inference.engine.canvas import Canvas
from inference.engine.checkpoint import LoadedModel
from inference.engine.decoding import recipes, scores
from inference.engine.decoding.loop import generate
from inference.engine.decoding.params import Params
from inference.engine.decoding.recipe import Recipe
from inference.engine.decoding.rng import BatchRow, one_generator
from inference.engine.decoding.step_result import StepResult
from inference.engine.parity.fixtures import Folder

Case = dict[str, Any]
Choose = Callable[[Case], tuple[Recipe, Params]]
ATOL = 5e-4


def check(choose: Choose) -> Callable[[Folder, Case], list[str]]:
    """A check that runs the case by the recipe and parameters that `choose` reads from it."""

    def run(folder: Folder, case: Case) -> list[str]:
        model = folder.model_for(case)
        tensors = folder.tensors(case["tensors"]) if case.get("tensors") else {}
        chosen = choose(case)
        canvases = [_start(model, case, row) for row in range(len(case["input_ids"]))]
        rows = _rows(model, case, canvases, chosen)
        for row, (canvas, steps) in enumerate(zip(canvases, rows, strict=True)):
            faults = list(_row_faults(case, row, canvas, steps, tensors))
            faults += _budget_faults(steps, chosen[1], case)
            if faults:
                return faults
        return []

    return run


def _rows(
    model: LoadedModel, case: Case, canvases: list[Canvas], chosen: tuple[Recipe, Params]
) -> list[list[StepResult]]:
    """The steps of each row.

    LLaDA draws for all rows and places at once: each row repeats the whole draw and takes its part.
    Dream draws for the masks of one row after the other: rows share a generator, step by step.
    """
    count, seed = len(canvases), case["seed"] or 0
    shared = one_generator(seed)
    lanes = "llada" in case["procedure"]
    runs = [
        generate(
            model,
            canvas,
            *chosen,
            0,
            rng=one_generator(seed) if lanes else shared,
            batch_row=BatchRow(row, count, _padding(case, row)),
        )
        for row, canvas in enumerate(canvases)
    ]
    together = zip_longest(*runs)
    return [[step for step in steps if step is not None] for steps in zip(*together, strict=True)]


def _row_faults(
    case: Case, row: int, canvas: Canvas, steps: list[StepResult], tensors: dict[str, Tensor]
) -> Iterator[str]:
    pad = _padding(case, row)
    wanted = [state[row][pad:] for state in [*case["states"], case["final"]]]
    if canvas.tokens != wanted[0]:
        yield "the first canvas differs"
        return
    if len(steps) != case["nfe"]:
        yield f"row {row}: {len(steps)} evaluations instead of {case['nfe']}"
    for number, (step, after) in enumerate(zip(steps, wanted[1:], strict=False)):
        yield from _step_faults(step, after, f"row {row} evaluation {number}")
    for number, step in enumerate(steps):
        yield from _logit_faults(step, case, number, tensors)


def _step_faults(step: StepResult, wanted: list[int], where: str) -> Iterator[str]:
    got = step.canvas.tokens
    if got == wanted:
        return
    if len(got) != len(wanted):
        yield f"{where}: {len(got)} places instead of {len(wanted)}"
        return
    place = next(i for i, pair in enumerate(zip(got, wanted, strict=True)) if pair[0] != pair[1])
    yield f"{where}: token {got[place]} at place {place} instead of {wanted[place]}"


def _budget_faults(steps: list[StepResult], params: Params, case: Case) -> Iterator[str]:
    if "expand_budget_left" in case and steps:
        left = (params.expand_budget or 0) - steps[-1].carry.get("expansions", 0)
        if left != case["expand_budget_left"]:
            yield f"{left} expansions left instead of {case['expand_budget_left']}"


def _logit_faults(
    step: StepResult, case: Case, number: int, tensors: dict[str, Tensor]
) -> Iterator[str]:
    recorded = tensors.get(f"forward.{number:03d}.logits")
    if recorded is None:
        return
    rows = torch.tensor(step.positions) - case["evaluated"][number][0]
    worst = float((recorded.reshape(-1, recorded.shape[-1])[rows] - step.logits).abs().max())
    if not worst <= ATOL:
        yield f"evaluation {number}: logits differ by {worst:.2e}"


def _padding(case: Case, row: int) -> int:
    """Places to leave out on the left; Fast-dLLM's LLaDA class ignores the mask and sees them."""
    mask = case.get("attention_mask")
    if not mask or case["procedure"].startswith("fastdllm.llada"):
        return 0
    return int(mask[row].index(1))


def _start(model: LoadedModel, case: Case, row: int) -> Canvas:
    """The first canvas: the row without its padding, and the masks behind it."""
    pad = _padding(case, row)
    given = case["input_ids"][row][pad:]
    width = len(case["states"][0][row]) - pad
    return Canvas.start(given, width - len(given), model.spec.mask_id or 0)


def _params(case: Case, *names: str, **more: Any) -> Params:
    """Parameters by these names, from what the published code really used; null = our default."""
    given = {**case["params"], **case.get("effective_params", {})}
    values = {name: given[name] for name in names if given.get(name) is not None}
    return Params(**{**values, **more}, official=True)


LLADA = ("steps", "block_length", "temperature", "cfg_scale", "threshold", "factor")
LLADA_SWITCHES = (*LLADA, "logits_eos_inf", "confidence_eos_eot_inf")
DREAM = ("steps", "temperature", "top_p", "top_k", "alg_temp", "eps", "threshold", "block_length")
DREAMON = ("temperature", "top_p", "top_k", "alg_temp", "max_new_tokens")


def _llada(case: Case) -> tuple[Recipe, Params]:
    table = {
        "low_confidence": recipes.LLADA_LOW_CONFIDENCE,
        "random": recipes.LLADA_RANDOM,
    }
    return table[case["params"]["remasking"]], _params(case, *LLADA_SWITCHES)


def _fast(schedule: Recipe, threshold: Recipe, factor: Recipe) -> Choose:
    """The recipe by the rule that the case gives: factor, threshold or fixed steps."""

    def choose(case: Case) -> tuple[Recipe, Params]:
        given = case["params"]
        recipe = schedule
        if given.get("factor") is not None:
            recipe = factor
        elif given.get("threshold") is not None:
            recipe = threshold
        if given.get("remasking") == "random" and recipe.published is not None:
            recipe = replace(recipe.published, score=scores.chance_over_evaluated)
        return recipe, _params(case, *LLADA)

    return choose


DREAM_RECIPES = {
    "origin": recipes.DREAM_ORIGIN,
    "maskgit_plus": recipes.DREAM_MASKGIT_PLUS,
    "topk_margin": recipes.DREAM_TOPK_MARGIN,
    "entropy": recipes.DREAM_ENTROPY,
}


def _dream(case: Case) -> tuple[Recipe, Params]:
    return DREAM_RECIPES[case["effective_params"]["alg"]], _params(case, *DREAM)


def _fast_dream(case: Case) -> tuple[Recipe, Params]:
    alg = case["effective_params"]["alg"]
    if alg == "confidence_threshold":
        return recipes.FAST_DREAM_THRESHOLD, _params(case, *DREAM)
    return DREAM_RECIPES[alg], _params(case, *DREAM)


def _fast_dream_block(case: Case) -> tuple[Recipe, Params]:
    key = (case["effective_params"]["alg"], bool(case["params"].get("dual_cache")))
    return recipes.FAST_DREAM_BLOCK[key], _params(case, *DREAM)


def _dreamon(case: Case) -> tuple[Recipe, Params]:
    """The default budget is twice the places behind the first mask of the longest canvas."""
    given = case["effective_params"]
    first = case["input_ids"][0].index(case["special"]["mask_id"])
    budget = given["expand_budget"]
    if budget is None:
        budget = 2 * (given["max_length"] - first)
    return recipes.DREAMON_PUBLISHED[given["alg"]], _params(
        case,
        *DREAMON,
        expand_budget=budget,
        tokens_per_step=given["number_transfer_tokens"],
        pad_delete_to_right=given["pad_delete_to_right"],
    )


def _dreamon_eval(case: Case) -> tuple[Recipe, Params]:
    given = case["params"]
    return recipes.DREAMON_PUBLISHED[given["alg"]], _params(
        case,
        *DREAMON[:-1],
        max_new_tokens=given["max_gen_len"],
        expand_budget=given["max_gen_len"],
        pad_delete_to_right=given["pad_eos_to_right"],
    )


DECODE = {
    "llada.generate": check(_llada),
    "fastdllm.llada.generate": check(
        _fast(recipes.FAST_SCHEDULE, recipes.FAST_THRESHOLD, recipes.FAST_FACTOR)
    ),
    "fastdllm.llada.prefix": check(
        _fast(recipes.FAST_PREFIX_SCHEDULE, recipes.FAST_PREFIX, recipes.FAST_PREFIX_FACTOR)
    ),
    "fastdllm.llada.dual": check(
        _fast(recipes.FAST_DUAL_SCHEDULE, recipes.FAST_DUAL, recipes.FAST_DUAL_FACTOR)
    ),
    "dream.diffusion_generate": check(_dream),
    "fastdllm.dream.full": check(_fast_dream),
    "fastdllm.dream.block": check(_fast_dream_block),
    "dreamon.diffusion_generate": check(_dreamon),
    "dreamon.eval_generator": check(_dreamon_eval),
}

"""Every recipe: it finishes, keeps its hands off what is not its own, resumes, and shares."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

import pytest
import torch
from torch import Tensor

from inference import catalog
from inference.engine import digest
from inference.engine.canvas import Canvas
from inference.engine.checkpoint import LoadedModel
from inference.engine.decoding.loop import generate
from inference.engine.decoding.recipe import Recipe
from inference.engine.decoding.recipes import recipe_named
from inference.engine.decoding.step_result import StepResult
from inference.engine.decoding.view import Drawn, View
from inference.engine.errors import EngineError, InputError
from inference.engine.forward import Request, forward_many
from tests.inference.engine.models import MASK

Tiny = Callable[[str], LoadedModel]
RECIPES = [name for name in catalog.RECIPES if name != "diffusion_gemma"]
MODELS = {"dreamon": "dreamon", "llada2": "llada2", "sdar": "sdar", "fastdllm2": "fast-dllm-v2"}
PROMPT = [5, 6, MASK, 8, 9]
# a step of these may write nothing: it looks once more, or waits for its time
MAY_PAUSE = {"llada2/edit", "remdm", "p2", "confidence_loop", "daedal"}


def _model(recipe: str, tiny: Tiny) -> LoadedModel:
    return tiny(MODELS.get(recipe) or MODELS.get(recipe.split("/")[0], "llada"))


def _params(recipe: str, **more: Any) -> dict[str, Any]:
    uses = recipe_named(recipe).uses
    small: dict[str, Any] = {"block_length": 4, "steps": 6, "max_new_tokens": 14}
    small |= {"threshold": 0.2, "edit_threshold": 0.2, "draft_threshold": 0.1}
    small |= {"window_masks": 4, "refresh_count": 3, "low_threshold": 0.1, "eos_check": 2}
    small |= {"explore_steps": 2, "candidates": 3, "core_every": 1, "core_candidates": 3}
    small |= {"loop_steps": 3, "loop_start": 0.5}
    small |= {"verify_threshold": 0.3, "kl_threshold": 1.0, "eta": 0.3, "expand_budget": 5}
    return {name: value for name, value in {**small, **more}.items() if name in uses}


def _run(
    recipe: str, tiny: Tiny, canvas: Canvas | None = None, seed: int = 3, **options: Any
) -> list[StepResult]:
    model = _model(recipe, tiny)
    start = canvas or Canvas.start(PROMPT, 10, MASK)
    params = _params(recipe, temperature=options.pop("temperature", 0.0))
    return list(generate(model, start, recipe, params, seed, **options))


@pytest.mark.parametrize("temperature", [0.0, 0.8])
@pytest.mark.parametrize("recipe", RECIPES)
def test_a_run_fills_every_mask_and_touches_nothing_else(
    recipe: str, temperature: float, tiny: Tiny
) -> None:
    steps = _run(recipe, tiny, temperature=temperature)
    final = steps[-1].canvas
    assert MASK not in final.tokens
    given = [slot.token for slot in final.slots if slot.prompt]
    assert given == [token for token in PROMPT if token != MASK]
    assert all(op["token"] != MASK for step in steps for op in step.operations if "token" in op)


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_step_makes_progress(recipe: str, tiny: Tiny) -> None:
    steps = _run(recipe, tiny)
    if recipe not in MAY_PAUSE:
        assert all(step.operations for step in steps)
    assert [step.step for step in steps] == list(range(1, len(steps) + 1))
    assert all(step.masked == len(step.canvas.open_positions) for step in steps)


@pytest.mark.parametrize("recipe", RECIPES)
def test_operations_lead_from_canvas_to_canvas(recipe: str, tiny: Tiny) -> None:
    canvas = Canvas.start(PROMPT, 10, MASK)
    for step in _run(recipe, tiny):
        canvas = canvas.apply(json.loads(json.dumps(step.operations)))
        assert canvas.tokens == step.canvas.tokens
        assert all(0 <= op["p"] <= 1 + 1e-6 for op in step.operations if "p" in op)


@pytest.mark.parametrize("temperature", [0.0, 0.8])
@pytest.mark.parametrize("recipe", RECIPES)
def test_a_run_resumed_at_any_step_ends_the_same(
    recipe: str, temperature: float, tiny: Tiny
) -> None:
    whole = _run(recipe, tiny, temperature=temperature)
    for step in whole[:-1]:
        carry = json.loads(json.dumps(step.carry))
        rest = _run(
            recipe,
            tiny,
            step.canvas,
            temperature=temperature,
            start_step=step.step + 1,
            carry=carry,
        )
        assert [s.canvas.tokens for s in rest] == [s.canvas.tokens for s in whole[step.step :]]


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_run_in_company_ends_the_same(recipe: str, tiny: Tiny) -> None:
    """Each forward is shared with a longer and a shorter stranger."""

    def shared(model: LoadedModel, requests: Sequence[Request]) -> list[Tensor]:
        strangers = [Request(torch.arange(1, n)) for n in (4, 40)]
        return forward_many(model, [strangers[0], *requests, strangers[1]])[1:-1]

    alone = _run(recipe, tiny, temperature=0.8)
    company = _run(recipe, tiny, temperature=0.8, forward=shared)
    assert [s.canvas.tokens for s in company] == [s.canvas.tokens for s in alone]


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_seed_decides(recipe: str, tiny: Tiny) -> None:
    first, again = (_run(recipe, tiny, temperature=1.0, seed=5) for _ in range(2))
    other = _run(recipe, tiny, temperature=1.0, seed=6)
    assert [s.operations for s in first] == [s.operations for s in again]
    assert [s.operations for s in first] != [s.operations for s in other]


@pytest.mark.parametrize("recipe", RECIPES)
def test_locked_places_stay_as_they_are(recipe: str, tiny: Tiny) -> None:
    canvas = Canvas.start(PROMPT, 10, MASK).apply(
        [{"op": "commit", "slot": 7, "token": 42}, *({"op": "lock", "slot": i} for i in (7, 9))]
    )
    final = _run(recipe, tiny, canvas)[-1].canvas
    assert [final.slot(7).token, final.slot(9).token] == [42, MASK]
    assert final.open_positions == [final.position_of[9]]


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_full_canvas_needs_no_step(recipe: str, tiny: Tiny) -> None:
    assert _run(recipe, tiny, Canvas.start([5, 6, 7], 0, MASK)) == []


@pytest.mark.parametrize("recipe", RECIPES)
def test_an_infill_of_two_gaps(recipe: str, tiny: Tiny) -> None:
    given = [1, MASK, MASK, 4, 5, MASK, MASK, MASK, 9]
    steps = _run(recipe, tiny, Canvas.start(given, 0, MASK))
    final = steps[-1].canvas
    assert MASK not in final.tokens
    assert [slot.token for slot in final.slots if slot.prompt] == [1, 4, 5, 9]


@pytest.mark.parametrize("recipe", RECIPES)
def test_parameters_out_of_range_are_named(recipe: str, tiny: Tiny) -> None:
    canvas = Canvas.start(PROMPT, 4, MASK)
    for params, field in (({"temperature": -1.0}, "temperature"), ({"nonsense": 1}, "nonsense")):
        with pytest.raises(InputError) as caught:
            list(generate(_model(recipe, tiny), canvas, recipe, params, 0))
        assert caught.value.field == field


@pytest.mark.parametrize("recipe", RECIPES)
def test_parameters_that_would_do_nothing_are_refused(recipe: str, tiny: Tiny) -> None:
    uses = recipe_named(recipe).uses
    unused = "stop_entropy"
    canvas = Canvas.start(PROMPT, 4, MASK)
    with pytest.raises(InputError, match=f"no parameter '{unused}'.* {uses[0]}") as caught:
        list(generate(_model(recipe, tiny), canvas, recipe, {unused: 0.5}, 0))
    assert caught.value.field == unused


@pytest.mark.parametrize("name", [*catalog.RECIPES])
def test_every_default_is_of_a_parameter_that_the_recipe_has(name: str) -> None:
    recipe = recipe_named(name)
    assert set(recipe.defaults) <= set(recipe.uses)


def test_an_unknown_recipe_is_named(tiny: Tiny) -> None:
    with pytest.raises(InputError) as caught:
        list(generate(tiny("llada"), Canvas.start(PROMPT, 4, MASK), "best", {}, 0))
    assert caught.value.field == "recipe"


def test_a_canvas_beyond_the_context_is_refused(tiny: Tiny) -> None:
    with pytest.raises(InputError) as caught:
        list(generate(tiny("llada"), Canvas.start(PROMPT, 128, MASK), "rank/random", {}, 0))
    assert caught.value.field == "gen_length"


@pytest.mark.parametrize("name", list(catalog.SCORES) + list(catalog.QUOTAS) + list(catalog.DRAWS))
def test_every_part_of_the_catalog_is_there(name: str) -> None:
    for table in (catalog.SCORES, catalog.QUOTAS, catalog.DRAWS):
        if name in table:
            assert callable(catalog.resolve(table[name]))


@pytest.mark.parametrize("temperature", [0.0, 0.8])
@pytest.mark.parametrize("recipe", RECIPES)
def test_nobody_writes_to_the_logits_of_a_forward(
    recipe: str, temperature: float, tiny: Tiny
) -> None:
    """The cache keeps the very tensors that it hands out."""
    made: list[tuple[Tensor, Tensor]] = []

    def watched(model: LoadedModel, requests: Sequence[Request]) -> list[Tensor]:
        found = forward_many(model, requests)
        made.extend((one, one.clone()) for one in found)
        return found

    for step in _run(recipe, tiny, temperature=temperature, forward=watched):
        digest.encode(step.logits, step.positions, [MASK])
    # these keep keys and values
    assert made or recipe_named(recipe).approximate
    assert all(torch.equal(now, then) for now, then in made)


def _nothing(view: View, drawn: Drawn, scores: Tensor) -> Tensor:
    return scores.argsort()[:0]


def _in_slices(
    model: LoadedModel, canvas: Canvas, recipe: str | Recipe, params: dict[str, Any], size: int
) -> list[StepResult]:
    """The steps of a run that is taken up anew after every `size` of them."""
    found: list[StepResult] = []
    carry: dict[str, Any] = {}
    while True:
        rest = generate(model, canvas, recipe, params, 3, len(found) + 1, carry=carry)
        part = list(islice(rest, size))
        if not part:
            return found
        assert len(found) < 1000
        found += part
        canvas, carry = part[-1].canvas, part[-1].carry


@pytest.mark.parametrize("size", [40, 10_000])
def test_a_run_without_end_is_stopped_however_often_it_is_taken_up(size: int, tiny: Tiny) -> None:
    idle = replace(recipe_named("rank/random"), quota=_nothing)
    with pytest.raises(EngineError, match="does not come to an end"):
        _in_slices(tiny("llada"), Canvas.start([5, 6], 2, MASK), idle, {}, size)


@pytest.mark.parametrize("block", [None, 7, 20, 1024])
@pytest.mark.parametrize("recipe", ["fastdllm/dual", "fastdllm/dual_schedule"])
def test_the_published_dual_cache_takes_blocks_longer_than_the_text(
    recipe: str, block: int | None, tiny: Tiny
) -> None:
    params = {"official": True} | ({} if block is None else {"block_length": block})
    steps = list(generate(tiny("llada"), Canvas.start([5, 6], 5, MASK), recipe, params, 3))
    assert steps[-1].masked == 0


def test_a_long_loop_comes_to_its_end(tiny: Tiny) -> None:
    params = {"loop_steps": 200, "loop_tokens": 1}
    steps = list(
        generate(tiny("llada"), Canvas.start([5, 6], 4, MASK), "confidence_loop", params, 3)
    )
    assert steps[-1].masked == 0
    assert len(steps) >= 400

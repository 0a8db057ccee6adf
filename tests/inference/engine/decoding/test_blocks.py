"""Block models as published: whole blocks from position 0, the surplus cut, an end that ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch

from inference import catalog
from inference.engine.canvas import Canvas
from inference.engine.checkpoint import LoadedModel
from inference.engine.decoding.loop import generate
from inference.engine.decoding.step_result import StepResult
from inference.engine.forward import logits
from tests.inference.engine.models import MASK

Tiny = Callable[[str], LoadedModel]
MODELS = {
    **{"llada2": "llada2", "sdar": "sdar", "fastdllm2": "fast-dllm-v2"},
    **{"freedave": "sdar", "pairs": "sdar"},
}
BY_PARTS = {"fastdllm2/block_cache", "freedave/blocks", "pairs/blocks"}
"""They read a block or a part of it at a time: so is it filled."""
RECIPES = [name for name, row in catalog.RECIPES.items() if "fill_last_block" in row.uses]
BLOCK = 4


def _run(recipe: str, tiny: Tiny, canvas: Canvas, **params: Any) -> list[StepResult]:
    model = tiny(MODELS[recipe.split("/")[0]])
    return list(generate(model, canvas, recipe, params, 0))


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_last_block_is_filled_to_its_border_and_cut_at_the_end(recipe: str, tiny: Tiny) -> None:
    canvas = Canvas.start([5, 6], 5, MASK)
    steps = _run(recipe, tiny, canvas)
    assert [len(step.canvas) for step in steps] == [8] * (len(steps) - 1) + [7]
    assert [slot.surplus for slot in steps[0].canvas.slots] == [False] * 7 + [True]
    assert steps[0].operations[0] == {"op": "insert", "slot": 6, "new": [7], "surplus": True}
    assert steps[-1].operations[-1] == {"op": "delete", "slot": 7}
    assert steps[0].positions == [p for p in canvas.open_positions if p in steps[0].positions]
    assert MASK not in steps[-1].canvas.tokens


@pytest.mark.parametrize("recipe", ["llada2/threshold", "sdar/low_confidence_dynamic"])
def test_the_surplus_is_seen(recipe: str, tiny: Tiny) -> None:
    model = tiny(MODELS[recipe.split("/")[0]])
    canvas = Canvas.start([5, 6, 7, 8, 9], 2, MASK)
    filled = next(generate(model, canvas, recipe, {}, 0))
    plain = next(generate(model, canvas, recipe, {"fill_last_block": False}, 0))
    assert torch.allclose(plain.logits, logits(model, canvas.tokens, [5, 6]), atol=1e-5)
    assert torch.allclose(filled.logits, logits(model, [*canvas.tokens, MASK], [5, 6]), atol=1e-5)
    assert not torch.allclose(plain.logits, filled.logits, atol=1e-3)


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_canvas_may_end_inside_a_block(recipe: str, tiny: Tiny) -> None:
    steps = _run(recipe, tiny, Canvas.start([5, 6], 5, MASK), fill_last_block=False)
    assert {len(step.canvas) for step in steps} == {7}


@pytest.mark.parametrize(
    "canvas",
    [Canvas.start([5, 6], 6, MASK), Canvas.start([MASK, 6, 7, 8, 1], 0, MASK)],
    ids=["full already", "the last block is the prompt's"],
)
def test_nothing_is_added_where_nothing_is_missing(canvas: Canvas, tiny: Tiny) -> None:
    steps = _run("llada2/threshold", tiny, canvas)
    assert {len(step.canvas) for step in steps} == {len(canvas)}


def test_nothing_is_added_beyond_the_context(tiny: Tiny) -> None:
    model = tiny("llada2")
    model = replace(model, spec=replace(model.spec, context=7))
    steps = list(generate(model, Canvas.start([5, 6], 5, MASK), "llada2/threshold", {}, 0))
    assert {len(step.canvas) for step in steps} == {7}


def _ending(recipe: str, tiny: Tiny, canvas: Canvas) -> LoadedModel:
    """The model with an end of the text among the tokens of the first block that it writes."""
    model = tiny(MODELS[recipe.split("/")[0]])
    plain = replace(model, spec=replace(model.spec, eos_id=None, eot_id=None))
    *_, last = generate(plain, canvas, recipe, {"stop_after_block": False}, 0)
    return replace(model, spec=replace(model.spec, eos_id=last.canvas.tokens[5], eot_id=None))


@pytest.mark.parametrize("recipe", RECIPES)
def test_behind_the_block_that_ends_the_text_everything_is_filled_at_once(
    recipe: str, tiny: Tiny
) -> None:
    canvas = Canvas.start([5, 6, 7, 8], 17, MASK)
    model = _ending(recipe, tiny, canvas)
    steps = list(generate(model, canvas, recipe, {"stop_after_block": True}, 0))
    tokens = steps[-1].canvas.tokens
    assert len(tokens) == 21
    assert set(tokens[8:]) == {model.spec.eos_id}
    assert len(steps) <= (12 if recipe in BY_PARTS else 6)
    on = list(generate(model, canvas, recipe, {"stop_after_block": False}, 0))
    assert len(on) > len(steps)


def test_a_share_of_the_block_follows_the_steps_of_the_block(tiny: Tiny) -> None:
    """Three steps for four places: two, one, one; a given place takes nothing from the share."""
    canvas = Canvas.start([5], 7, MASK)
    steps = _run("sdar/low_confidence_static", tiny, canvas, block_steps=3)
    counts = [sum(op["op"] == "commit" for op in step.operations) for step in steps]
    assert counts == [2, 1, 2, 1, 1]


def test_a_block_s_first_token_comes_from_the_row_before(tiny: Tiny) -> None:
    model = tiny("fast-dllm-v2")
    canvas = Canvas.start([5, 6, 7, 8], 4, MASK)
    first = next(generate(model, canvas, "fastdllm2/threshold", {"threshold": 1.0}, 0))
    assert [op["slot"] for op in first.operations] == [4]
    alone = logits(model, [5, 6, 7, 8, MASK], [4])[0]
    assert first.operations[0]["token"] == int(alone.argmax())


@pytest.mark.parametrize(
    "recipe",
    [
        name
        for name, row in catalog.RECIPES.items()
        if {"steps", "block_length"} <= set(row.uses)
        and not row.needs - {"mask", "same", "own_masks"}
    ],
)
def test_more_blocks_than_steps_are_written_to_their_end(recipe: str, tiny: Tiny) -> None:
    model, canvas = tiny("llada"), Canvas.start([5, 6], 8, MASK)
    *_, last = generate(model, canvas, recipe, {"steps": 1, "block_length": 1}, 0)
    assert MASK not in last.canvas.tokens

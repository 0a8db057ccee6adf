"""Pairs: two tokens a step, of which the second knows the first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from inference.engine.canvas import Canvas
from inference.engine.checkpoint import LoadedModel
from inference.engine.decoding.distribution import Distribution
from inference.engine.decoding.loop import generate
from inference.engine.decoding.step_result import StepResult
from inference.engine.forward import logits
from tests.inference.engine.models import MASK

Tiny = Callable[[str], LoadedModel]


def _pairs(tiny: Tiny, **params: Any) -> list[StepResult]:
    canvas = Canvas.start([5, 6, 7], 11, MASK)
    return list(generate(tiny("llada"), canvas, "pairs", params, 0))


def test_pairs_write_two_tokens_a_step_behind_the_first(tiny: Tiny) -> None:
    counts = [len(step.operations) for step in _pairs(tiny, block_length=4)]
    assert counts == [1, 2, 2, 2, 2, 2]


def test_the_second_token_of_a_pair_is_chosen_knowing_the_first(tiny: Tiny) -> None:
    """Of the tokens that were tried the likeliest in a canvas that holds the one before it, and
    what follows is what the canvas with both says."""
    model = tiny("llada")
    for before, step in pairwise(_pairs(tiny, draft_width=3)):
        ((slot, tried),) = before.carry["tried"]
        now = logits(model, before.canvas.tokens, [before.canvas.position_of[slot]])[0]
        first, *following = step.operations
        assert (first["slot"], first["token"]) == (slot, max(tried, key=lambda t: float(now[t])))
        assert first["p"] == pytest.approx(float(now.softmax(-1)[first["token"]]), abs=1e-5)
        canvas = before.canvas.apply([first])
        for op in following:
            judged = Distribution(logits(model, canvas.tokens, canvas.writable_positions), [MASK])
            at = int(judged.entropy.argmin())
            assert canvas.slots[canvas.writable_positions[at]].id == op["slot"]
            assert op["token"] == int(judged.best[at])


def test_with_one_token_to_try_it_is_the_one_that_was_likeliest_before(tiny: Tiny) -> None:
    for before, step in pairwise(_pairs(tiny, draft_width=1)):
        assert [step.operations[0]["token"]] == before.carry["tried"][0][1]


def test_a_drawn_token_is_one_of_those_that_were_tried(tiny: Tiny) -> None:
    steps = _pairs(tiny, temperature=1.0, draft_width=4)
    again = _pairs(tiny, temperature=1.0, draft_width=4)
    assert [step.operations for step in steps] == [step.operations for step in again]
    for before, step in pairwise(steps):
        assert step.operations[0]["token"] in before.carry["tried"][0][1]


def test_a_place_that_somebody_wrote_meanwhile_is_tried_no_more(tiny: Tiny) -> None:
    model = tiny("llada")
    first, *_ = _pairs(tiny)
    ((slot, _),) = first.carry["tried"]
    canvas = first.canvas.apply([{"op": "commit", "slot": slot, "token": 40}])
    step = next(generate(model, canvas, "pairs", {}, 0, 2, carry=first.carry))
    assert len(step.operations) == 1
    assert step.canvas.tokens[canvas.position_of[slot]] == 40


@pytest.mark.parametrize("length", [6, 7, 9])
def test_in_a_block_model_they_go_on_into_the_next_block(length: int, tiny: Tiny) -> None:
    canvas = Canvas.start([5, 6, 7], length, MASK)
    steps = list(generate(tiny("sdar"), canvas, "pairs/blocks", {"fill_last_block": False}, 0))
    assert len(steps) == length // 2 + 1
    assert MASK not in steps[-1].canvas.tokens


@pytest.mark.parametrize("recipe", ["pairs", "pairs/blocks"])
def test_nothing_else_is_written_behind_the_end_of_a_text(recipe: str, tiny: Tiny) -> None:
    model, canvas = tiny("sdar"), Canvas.start([5, 6, 7, 8], 8, MASK)
    plain = {"stop_after_block": False} if "/" in recipe else {}
    without = replace(model, spec=replace(model.spec, eos_id=None, eot_id=None))
    *_, last = generate(without, canvas, recipe, plain, 0)
    ended = replace(model, spec=replace(model.spec, eos_id=last.canvas.tokens[4], eot_id=None))
    steps = list(generate(ended, canvas, recipe, {**plain, "stop_at_end": True}, 0))
    made = [op for step in steps for op in step.operations]
    behind = made[[op["slot"] for op in made].index(4) + 1 :]
    assert {op["token"] for op in behind} == {ended.spec.eos_id}
    assert len(behind) > 1
    assert MASK not in steps[-1].canvas.tokens

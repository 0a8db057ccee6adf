"""Revisions: edits, verification by shadow places, expansion and deletion."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from inference.engine import checkpoint
from inference.engine.canvas import Canvas
from inference.engine.checkpoint import LoadedModel
from inference.engine.decoding.loop import generate
from inference.engine.decoding.params import Params
from inference.engine.decoding.rng import seeded
from inference.engine.decoding.rules.wino import shadow_mask, with_shadow
from inference.engine.decoding.sources import Reader
from inference.engine.decoding.step_result import StepResult
from inference.engine.decoding.view import Block, RunState
from inference.engine.forward import forward_many, logits
from tests.inference.engine.models import CONFIGS, MASK

Tiny = Callable[[str], LoadedModel]


@pytest.fixture
def shallow(tmp_path: Path) -> LoadedModel:
    """One layer: what a place sees does not depend on what the others saw."""
    config = {**CONFIGS["llada"], "n_layers": 1}
    torch.manual_seed(0)
    checkpoint.save(checkpoint.build(config), config, tmp_path)
    return checkpoint.load(tmp_path)


@pytest.mark.parametrize("place", [4, 6])
def test_a_shadow_place_reads_as_if_it_were_masked(place: int, shallow: LoadedModel) -> None:
    canvas = Canvas.start([1, 2, 3], 5, MASK).apply(
        [{"op": "commit", "slot": s, "token": 40 + s} for s in (4, 6)]
    )
    state = RunState(shallow.spec, Params(), canvas, 0, {})
    block = Block((), (place, place + 1), 1)
    reading = with_shadow(Reader(shallow, forward_many, seeded(0)), state, block)
    assert reading.settled is not None
    assert reading.settled_logits is not None
    assert reading.settled.tolist() == [place]
    assert torch.allclose(reading.logits, logits(shallow, canvas.tokens, [3, 5, 7]), atol=1e-5)
    masked = list(canvas.tokens)
    masked[place] = MASK
    wanted = logits(shallow, masked, [place])[0]
    assert torch.allclose(reading.settled_logits[0], wanted, atol=1e-5)


def test_shadow_places_see_the_canvas_but_their_own_place_and_each_other() -> None:
    seen = shadow_mask(torch.ones(4, 4, dtype=torch.bool), [1, 3])
    assert seen.int().tolist() == [
        *[[1, 1, 1, 1, 0, 0]] * 4,
        [1, 0, 1, 1, 1, 1],
        [1, 1, 1, 0, 1, 1],
    ]


def _steps(model: LoadedModel, recipe: str, canvas: Canvas, **params: Any) -> list[StepResult]:
    return list(generate(model, canvas, recipe, params, 3))


def test_verification_opens_fewer_places_than_the_step_before_wrote(tiny: Tiny) -> None:
    canvas = Canvas.start([5, 6], 24, MASK)
    steps = _steps(tiny("llada"), "wino", canvas, draft_threshold=0.0, verify_threshold=1.0)
    written, opened = 30, 0
    for step in steps:
        kinds = [op["op"] for op in step.operations]
        assert kinds.count("remask") <= (written - 1 if kinds.count("commit") > 1 else 0)
        assert kinds.count("commit") <= 16  # 0.7 of the masks
        written, opened = kinds.count("commit"), opened + kinds.count("remask")
    assert opened
    assert steps[-1].masked == 0


def test_an_edit_writes_the_most_likely_token_of_its_place(tiny: Tiny) -> None:
    model = tiny("llada2")
    canvas = Canvas.start([5, 6], 10, MASK)
    before, seen = canvas, 0
    for step in _steps(model, "llada2/edit", canvas, threshold=0.3, edit_threshold=0.2):
        predicted = logits(model, before.tokens).softmax(-1)
        for op in step.operations:
            if op["op"] == "edit":
                place = before.position_of[op["slot"]]
                row = predicted[place].clone()
                assert float(row.max()) > 0.2
                assert op["token"] == int(row.argmax()) != before.tokens[place]
                assert op["p"] == pytest.approx(float(row.max()), abs=1e-4)
                seen += 1
        before = step.canvas
    assert seen > 0


def test_an_unreachable_threshold_edits_nothing(tiny: Tiny) -> None:
    steps = _steps(tiny("llada2"), "llada2/edit", Canvas.start([5], 10, MASK), edit_threshold=1.0)
    names = {op["op"] for step in steps for op in step.operations}
    assert names == {"insert", "commit", "delete"}  # the last block is filled, and cut again


def test_a_block_is_looked_at_no_more_often_than_allowed(tiny: Tiny) -> None:
    canvas = Canvas.start([5], 3, MASK)
    for most in (0, 1, 3):
        steps = _steps(
            tiny("llada2"), "llada2/edit", canvas, edit_threshold=0.0, max_post_steps=most
        )
        full = next(i for i, step in enumerate(steps) if step.masked == 0)
        assert len(steps) - full - 1 <= most


def test_an_edit_writes_no_impossible_token(tiny: Tiny) -> None:
    canvas = Canvas.start([5, 6], 10, MASK).apply(
        [{"op": "commit", "slot": s, "token": 40 + s} for s in (2, 4, 6, 7, 8)]
    )
    model = tiny("llada2")
    end = _first_edits(model, canvas)[0]
    ended = replace(model, spec=replace(model.spec, eos_id=end))
    assert end in _first_edits(ended, canvas)
    assert end not in _first_edits(ended, canvas, logits_eos_inf=True)


def _first_edits(model: LoadedModel, canvas: Canvas, **params: Any) -> list[int]:
    """The tokens that the first step writes over others."""
    first = next(generate(model, canvas, "llada2/edit", {"edit_threshold": 0.05, **params}, 3))
    return [op["token"] for op in first.operations if op["op"] == "edit"]


@pytest.mark.parametrize("draw", [{}, {"temperature": 0.8}, {"temperature": 0.8, "top_p": 0.9}])
def test_a_full_canvas_is_remasked_as_long_as_the_window_is_open(
    draw: dict[str, float], tiny: Tiny
) -> None:
    """More steps than places are what remasking is for: each of them may get another chance."""
    steps = _steps(tiny("llada"), "remdm", Canvas.start([5], 4, MASK), steps=40, eta=1.0, **draw)
    before, opened = 4, 0
    for step in steps:
        again = [op for op in step.operations if op["op"] == "remask"]
        opened += len(again) if before == 0 else 0
        before = step.masked
    assert opened > 0
    assert before == 0


def test_a_step_before_its_time_writes_nothing(tiny: Tiny) -> None:
    """With far more steps than places the reverse process leaves most steps empty."""
    steps = _steps(tiny("llada"), "remdm", Canvas.start([5], 2, MASK), steps=60, eta=0.0)
    assert steps[0].operations == []
    assert steps[-1].masked == 0


def _drawn(model: LoadedModel, token: int) -> LoadedModel:
    """A model that puts this token first everywhere."""
    return replace(model, family=replace(model.family, head=_favouring(model, token)))


def _favouring(model: LoadedModel, token: int) -> Callable[..., torch.Tensor]:
    plain = model.family.head

    def head(native: torch.nn.Module, hidden: torch.Tensor) -> torch.Tensor:
        found = plain(native, hidden).clone()
        found[..., token] += 50.0
        return found

    return head


def test_an_expand_token_makes_two_places_of_one(tiny: Tiny) -> None:
    model = _drawn(tiny("dreamon"), 311)
    steps = _steps(
        model, "dreamon", Canvas.start([1, MASK, 3], 0, MASK), max_new_tokens=3, expand_budget=9
    )
    assert [op["op"] for op in steps[0].operations] == ["insert"]
    assert steps[0].operations[0]["new"] == [3]
    assert steps[1].canvas.tokens == [1, MASK, MASK, MASK, 3]
    # three places are the limit: from here on tokens are written
    assert [step.operations[0]["op"] for step in steps[2:]] == ["commit"] * 3


def test_the_budget_bounds_the_expansions(tiny: Tiny) -> None:
    model = _drawn(tiny("dreamon"), 311)
    steps = _steps(
        model, "dreamon", Canvas.start([1, MASK, 3], 0, MASK), max_new_tokens=50, expand_budget=2
    )
    assert sum(op["op"] == "insert" for step in steps for op in step.operations) == 2


@pytest.mark.parametrize(
    ("params", "context", "most"),
    [
        ({"max_new_tokens": 16, "expand_budget": 9}, 64, 2),
        ({"max_new_tokens": 40, "expand_budget": 3}, 64, 3),
        ({"max_new_tokens": 40, "expand_budget": 9}, 19, 4),
    ],
)
def test_many_expansions_in_one_step_keep_to_room_budget_and_context(
    params: dict[str, int], context: int, most: int, tiny: Tiny
) -> None:
    model = _drawn(tiny("dreamon"), 311)
    model = replace(model, spec=replace(model.spec, context=context))
    canvas = Canvas.start([1], 14, MASK)
    steps = _steps(model, "dreamon", canvas, tokens_per_step=8, **params)
    assert sum(op["op"] == "insert" for step in steps for op in step.operations) == most
    assert all(step.operations for step in steps)
    assert steps[-1].masked == 0


def test_a_canvas_that_grows_and_shrinks_again_has_the_steps_for_it(tiny: Tiny) -> None:
    model = tiny("dreamon")
    wish = iter([*[311] * 99, *[model.spec.delete_id or 0] * 100])
    model = replace(model, family=replace(model.family, head=_wishing(model, wish)))
    canvas = Canvas.start([1, MASK, 3], 0, MASK)
    steps = _steps(model, "dreamon", canvas, max_new_tokens=100)
    assert len(steps) == 199
    assert steps[-1].canvas.tokens == [1, 3]


def test_expanding_and_deleting_do_not_undo_each_other(tiny: Tiny) -> None:
    """A model that deletes whatever it has just added comes to an end, far below the budget."""
    model = tiny("dreamon")
    wish = iter([311, 311, model.spec.delete_id or 0, *[311] * 200])
    model = replace(model, family=replace(model.family, head=_wishing(model, wish)))
    canvas = Canvas.start([1, MASK, 3], 0, MASK)
    steps = _steps(model, "dreamon", canvas, max_new_tokens=50, expand_budget=100)
    names = [op["op"] for step in steps for op in step.operations]
    assert names == ["insert", "insert", "delete", "commit", "commit"]


def _wishing(model: LoadedModel, wish: Iterator[int]) -> Callable[..., torch.Tensor]:
    """A head that puts another token first at every forward."""
    plain = model.family.head

    def head(native: torch.nn.Module, hidden: torch.Tensor) -> torch.Tensor:
        found = plain(native, hidden).clone()
        found[..., next(wish)] += 50.0
        return found

    return head


def test_a_delete_token_takes_its_place_away(tiny: Tiny) -> None:
    model = tiny("dreamon")
    model = _drawn(model, model.spec.delete_id or 0)
    canvas = Canvas.start([1, MASK, MASK, 4, MASK, 6], 0, MASK)
    steps = _steps(model, "dreamon", canvas)
    assert steps[-1].canvas.tokens == [1, 4, 6]
    assert len(steps) == 3


def test_deletion_may_take_the_rest_of_its_gap_along(tiny: Tiny) -> None:
    model = tiny("dreamon")
    model = _drawn(model, model.spec.delete_id or 0)
    canvas = Canvas.start([model.spec.delete_id or 0, MASK, MASK, MASK, 4, MASK], 0, MASK)
    steps = _steps(model, "dreamon", canvas, pad_delete_to_right=True)
    assert steps[-1].canvas.tokens == [300, 4]
    # from the drawn place to the end of its gap: neither the prompt's own end-of-text counts, nor
    # is the other gap touched
    for step in steps:
        deleted = [op["slot"] for op in step.operations]
        assert deleted == [5] or deleted == list(range(deleted[0], 4))

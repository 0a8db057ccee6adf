"""Each quota alone: how many of given scores it takes, and which."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
import torch

from inference.engine.canvas import Canvas
from inference.engine.decoding import quotas
from inference.engine.decoding.distribution import Distribution
from inference.engine.decoding.params import Params
from inference.engine.decoding.rng import seeded
from inference.engine.decoding.view import Block, Drawn, RunState, View
from inference.engine.families.spec import ModelSpec

MASK = 5
SPEC = ModelSpec("llada", vocab_size=6, context=64, mask_id=MASK, eos_id=4)


def view_of(
    count: int, index: int = 0, left: int = 1, step: int = 0, seed: int = 1, **params: Any
) -> View:
    """`count` masks behind a prompt of one token, all in one block, with flat distributions."""
    canvas = Canvas.start([0], count, MASK)
    positions = torch.arange(1, count + 1)
    block = Block(tuple(positions.tolist()), (1, count + 1), left, 0, step)
    spread = Distribution(torch.zeros(count, 6), (MASK,))
    state = RunState(SPEC, Params(**params), canvas, index, {})
    return View(state, block, seeded(seed)(index), positions, spread, spread, (0, count + 1))


def chosen(quota: Any, scores: list[float], **more: Any) -> list[int]:
    view = view_of(len(scores), **more)
    found = quota(view, Drawn(view.choice.best, view.ranking), torch.tensor(scores))
    return [int(index) for index in found]


def test_nothing_is_no_position() -> None:
    assert chosen(quotas.nothing, [0.1, 0.9]) == []


def test_many_equal_scores_keep_their_order() -> None:
    assert chosen(quotas.fixed, [0.5] * 500, tokens_per_step=500) == list(range(500))


@pytest.mark.parametrize(
    ("count", "left", "share"), [(8, 4, 2), (9, 4, 3), (3, 4, 1), (0, 4, 1), (5, 1, 5)]
)
def test_an_equal_share_is_rounded_up(count: int, left: int, share: int) -> None:
    assert quotas.share(count, left) == share
    if count:
        assert len(chosen(quotas.schedule, [0.5] * count, left=left)) == share


def test_a_fixed_number_takes_the_best_first() -> None:
    scores = [0.2, 0.9, 0.5]
    assert chosen(quotas.fixed, scores, tokens_per_step=2) == [1, 2]


def test_a_threshold_is_reached_by_what_equals_it() -> None:
    scores = [0.5, 0.25, 0.75]
    assert chosen(quotas.threshold, scores, threshold=0.5) == [2, 0]
    assert chosen(quotas.threshold, scores, threshold=1.0) == [2]


def test_a_threshold_to_be_exceeded_leaves_out_what_equals_it() -> None:
    scores = [0.5, 0.25, 0.75]
    assert chosen(quotas.above_threshold, scores, threshold=0.5) == [2]
    assert chosen(quotas.above_threshold, scores, threshold=0.25) == [2, 0]
    assert chosen(quotas.above_threshold, scores, threshold=1.0) == [2]


@pytest.mark.parametrize(
    ("scores", "count"),
    [
        ([0.1], 1),  # the best always passes
        ([0.9, 0.6], 1),  # the limit of the second is 1 - 1/3
        ([0.9, 0.7], 2),
        ([0.9, 0.7, 0.74, 0.9], 2),  # that of the third 3/4, which 0.74 misses
        ([0.9, 0.9, 0.75], 3),  # what equals its limit passes
        ([0.1, 0.1, 0.1, 0.9], 1),  # none passes behind one that has not
    ],
)
def test_the_factor_counts_until_the_first_that_falls_below(
    scores: list[float], count: int
) -> None:
    assert quotas.factor_count(torch.tensor(scores), 1.0) == count
    assert len(chosen(quotas.factor, scores, factor=1.0)) == count


@pytest.mark.parametrize(
    ("entropies", "gamma", "taken"),
    [
        ([3.0, 2.0], 0.0, [1]),  # one alone is its own largest
        ([0.25, 0.5, 1.0], 0.25, [0, 1]),  # 0.75 less 0.5 reaches gamma; 1.75 less 1.0 passes it
        ([0.25, 0.5, 1.0], 0.75, [0, 1, 2]),
        ([1.0, 0.25, 0.5], 0.75, [1, 2, 0]),
        ([0.25, 0.5, 1.0], 0.125, [0]),
    ],
)
def test_the_entropy_bound_leaves_out_the_largest(
    entropies: list[float], gamma: float, taken: list[int]
) -> None:
    assert chosen(quotas.entropy_bound, [-e for e in entropies], gamma=gamma) == taken


@pytest.mark.parametrize("eps", [1e-3, 0.1])
def test_what_is_due_follows_times_that_fall_linearly(eps: float) -> None:
    """t_i = 1 - (1 - eps) i / 4; what is due in step i is 1 - t_{i+1} / t_i, all in the last."""
    times = [1 - (1 - eps) * i / 4 for i in range(5)]
    wanted = [1 - later / now for now, later in pairwise(times)]
    found = [float(quotas.due(index, 4, eps)) for index in range(5)]
    assert found[:3] == pytest.approx(wanted[:3], abs=1e-6)
    assert found[3:] == [1.0, 1.0]


@pytest.mark.parametrize(("count", "share", "taken"), [(10, 0.25, 2), (4, 0.5, 2), (1, 0.9, 0)])
def test_a_share_is_rounded_down(count: int, share: float, taken: int) -> None:
    assert quotas.share_of(count, torch.tensor(share)) == taken


@pytest.mark.parametrize(("index", "taken"), [(0, 1), (1, 2), (2, 3), (3, 8)])
def test_the_timetable_takes_the_share_that_is_due(index: int, taken: int) -> None:
    """Of eight places 1.998, 2.663, 3.992 and all, rounded down."""
    scores = [0.1 * n for n in range(8)]
    found = chosen(quotas.timetable, scores, index=index, steps=4, eps=1e-3)
    assert found == [7, 6, 5, 4, 3, 2, 1, 0][:taken]


def test_the_timetable_takes_one_where_less_is_due() -> None:
    assert chosen(quotas.timetable, [0.1, 0.2], index=0, steps=100, eps=1e-3) == [1]


def test_coins_fall_with_the_share_that_is_due() -> None:
    uniform = view_of(40, index=1, steps=4, eps=1e-3).uniform()
    due = float(quotas.due(1, 4, 1e-3))
    wanted = [index for index, number in enumerate(uniform.tolist()) if number < due]
    assert 0 < len(wanted) < 40
    assert chosen(quotas.flips, [0.5] * 40, index=1, steps=4, eps=1e-3) == wanted
    assert chosen(quotas.flips, [0.5] * 40, index=3, steps=4, eps=1e-3) == list(range(40))


def test_where_no_coin_falls_the_lowest_number_is_taken() -> None:
    """0.999 of a thousand steps are due nowhere near the few numbers drawn here."""
    uniform = view_of(3, steps=1000, eps=1e-3).uniform()
    assert float(uniform.min()) > float(quotas.due(0, 1000, 1e-3))
    assert chosen(quotas.flips, [0.5] * 3, steps=1000, eps=1e-3) == [int(uniform.argmin())]


def test_confident_ones_count_where_they_are_more_than_the_share() -> None:
    scores = [0.9, 0.5, 0.8, 0.7]
    assert chosen(quotas.confident_or_quota, scores, threshold=0.6, tokens_per_step=2) == [0, 2, 3]
    assert chosen(quotas.confident_or_quota, scores, threshold=0.7, tokens_per_step=1) == [0, 2]
    assert chosen(quotas.confident_or_quota, scores, threshold=0.95, tokens_per_step=2) == [0, 2]


@pytest.mark.parametrize(
    ("size", "steps", "shares"),
    [(4, 2, [2, 2]), (5, 2, [3, 2]), (7, 3, [3, 2, 2]), (2, 4, [1, 1, 1, 1])],
)
def test_a_block_s_steps_share_its_places_from_its_start(
    size: int, steps: int, shares: list[int]
) -> None:
    for step, share in enumerate(shares):
        assert quotas.block_share(view_of(size, step=step, block_steps=steps)) == share
        found = chosen(quotas.static_share, [0.5] * size, step=step, block_steps=steps)
        assert found == list(range(share))


def test_without_steps_of_its_own_a_block_writes_tokens_per_step() -> None:
    assert quotas.block_share(view_of(8, tokens_per_step=3)) == 3


@pytest.mark.parametrize(
    ("size", "steps", "shares"), [(4, 2, [2, 2]), (5, 2, [3, 2]), (4, 8, [1, 1, 1])]
)
def test_a_share_of_the_block_counts_the_run_s_steps(
    size: int, steps: int, shares: list[int]
) -> None:
    for step, share in enumerate(shares):
        assert quotas.share_of_block(view_of(size, step=step, steps=steps)) == share


def test_a_share_of_the_block_leaves_the_prompt_out() -> None:
    """A block that reaches back over the prompt has fewer places than positions."""
    view = view_of(4, steps=2)
    wider = Block(view.block.scope, (0, 5), 1)
    assert quotas.share_of_block(View(**{**_fields(view), "block": wider})) == 2


def test_two_blocks_share_the_run_s_steps() -> None:
    """Half of the places, half of the steps: 4 places in 2 of 4 steps."""
    view = view_of(8, steps=4)
    half = Block((1, 2, 3, 4), (1, 5), 2)
    assert quotas.share_of_block(View(**{**_fields(view), "block": half})) == 2


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_a_block_to_which_one_step_falls_is_written_at_once(steps: int) -> None:
    """Of three steps one and a half are the first half's, which are rounded down."""
    view = view_of(8, steps=steps)
    half = Block((1, 2, 3, 4), (1, 5), 1)
    assert quotas.share_of_block(View(**{**_fields(view), "block": half})) == 4


def _fields(view: View) -> dict[str, Any]:
    return {name: getattr(view, name) for name in view.__dataclass_fields__}

"""The parts of recipes on their own: quotas, scores, draws, blocks, revisions, rankings."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from inference.engine.canvas import Canvas
from inference.engine.checkpoint import LoadedModel
from inference.engine.decoding import blocks, quotas, scores
from inference.engine.decoding.distribution import Distribution
from inference.engine.decoding.filters import filtered_distribution
from inference.engine.decoding.loop import generate
from inference.engine.decoding.official import loops as official
from inference.engine.decoding.params import Params
from inference.engine.decoding.rankings import rank
from inference.engine.decoding.rng import seeded
from inference.engine.decoding.rules import klass, remdm
from inference.engine.decoding.view import Block, Drawn, RunState, View
from inference.engine.errors import InputError
from inference.engine.families.spec import ModelSpec
from inference.engine.processing import forbid, keep_top_k, keep_top_p
from tests.inference.engine.models import MASK

Tiny = Callable[[str], LoadedModel]
SPEC = ModelSpec("llada", vocab_size=6, context=64, mask_id=5, eos_id=4)


def _view(probs: Sequence[Sequence[float]], index: int = 0, **params: Any) -> View:
    """A view of as many masks as there are rows, behind a prompt of one token."""
    values = Params(**params)
    canvas = Canvas.start([0], len(probs), 5)
    state = RunState(SPEC, values, canvas, index, {})
    positions = torch.arange(1, len(probs) + 1)
    left = max(1, state.steps - index)
    block = Block(tuple(positions.tolist()), (1, len(probs) + 1), left, 0, index)
    spread = Distribution(torch.tensor(probs).clamp_min(1e-9).log(), (5,))
    return View(state, block, seeded(1)(index), positions, spread, spread, (0, len(canvas)))


def _row(top: float, best: int = 0) -> list[float]:
    """A distribution over six tokens with one probability given, the mask at 0."""
    rest = (1 - top) / 4
    return [top if i == best else (0.0 if i == 5 else rest) for i in range(6)]


def _drawn(view: View) -> Drawn:
    return Drawn(view.choice.best, view.ranking)


def _chosen(quota: Callable[..., Tensor], view: View, by: Callable[..., Tensor]) -> list[int]:
    drawn = _drawn(view)
    return quota(view, drawn, by(view, drawn)).tolist()


@given(st.integers(0, 60), st.integers(1, 40))
def test_the_share_of_each_step_is_the_published_schedule(masked: int, steps: int) -> None:
    left, counts = masked, []
    for step in range(steps):
        if left:
            counts.append(quotas.share(left, steps - step))
            left -= counts[-1]
    published = official.transfer_schedule(masked, steps)
    assert counts == [count for count in published if count]
    assert sum(published) == masked


def test_threshold_takes_all_that_reach_it_and_always_one() -> None:
    view = _view([_row(0.4), _row(0.95), _row(0.9)], threshold=0.9)
    assert sorted(_chosen(quotas.threshold, view, scores.probability)) == [1, 2]
    low = _view([_row(0.4), _row(0.5)], threshold=0.9)
    assert _chosen(quotas.threshold, low, scores.probability) == [1]


def test_factor_takes_the_n_best_while_the_nth_is_sure_enough() -> None:
    view = _view([_row(0.8), _row(0.7), _row(0.55), _row(0.3)], factor=1.0)
    # limits 1 - 1/(n+1): .5, .667, .75
    assert _chosen(quotas.factor, view, scores.probability) == [0, 1]


def test_entropy_bound_leaves_out_the_largest_of_the_sum() -> None:
    view = _view([_row(0.99), _row(0.98), _row(0.6), _row(0.3)], gamma=0.2)
    entropies = view.ranking.entropy.tolist()
    count = next(
        n for n in range(4, 0, -1) if sum(entropies[:n]) - max(entropies[:n]) <= 0.2 or n == 1
    )
    assert _chosen(quotas.entropy_bound, view, scores.plain_certainty) == list(range(count))
    assert _chosen(quotas.entropy_bound, _view([_row(0.3)], gamma=0.0), scores.plain_certainty)


@given(st.integers(1, 40), st.integers(1, 30))
def test_the_timetable_writes_all_by_the_last_step(count: int, steps: int) -> None:
    left = count
    for index in range(steps):
        if left:
            view = _view([_row(0.5)] * left, index, steps=steps)
            left -= len(_chosen(quotas.timetable, view, scores.probability))
    assert left == 0


def test_klass_wants_confidence_and_calm() -> None:
    view = _view(
        [_row(0.9), _row(0.9), _row(0.2)], 1, threshold=0.6, kl_steps=2, kl_threshold=0.01, steps=3
    )
    calm = view.choice
    moved = Distribution(torch.tensor([_row(0.9), _row(0.9, 2), _row(0.2)]).clamp_min(1e-9).log())
    assert _chosen(klass.stable, replace(view, history=[calm, calm]), scores.probability) == [0, 1]
    assert _chosen(klass.stable, replace(view, history=[moved, calm]), scores.probability) == [0]
    assert len(_chosen(klass.stable, replace(view, history=[calm]), scores.probability)) == 1


@pytest.mark.parametrize("quota", [klass.stable, klass.stable_everywhere])
@pytest.mark.parametrize(("rule", "written"), [("all", [0, 1]), ("max_conf", [1]), ("min_kl", [0])])
def test_klass_writes_all_stable_places_or_one_of_them(
    quota: Callable[..., Tensor], rule: str, written: list[int]
) -> None:
    view = _view([_row(0.8), _row(0.9)], 1, threshold=0.6, kl_steps=1, klass_unmask=rule)
    nearly = Distribution(torch.tensor([_row(0.8), _row(0.901)]).clamp_min(1e-9).log())
    assert _chosen(quota, replace(view, history=[nearly]), scores.probability) == written


@pytest.mark.parametrize(("step", "count"), [(0, 1), (1, 2)])
def test_klass_finds_nothing_stable_before_the_history_of_the_block_is_long_enough(
    step: int, count: int
) -> None:
    view = _view([_row(0.9), _row(0.8)], step, threshold=0.6, kl_steps=2, kl_threshold=0.01)
    view = replace(view, history=[view.choice, view.choice])
    assert len(_chosen(klass.stable, view, scores.probability)) == count


def test_ties_go_to_the_earlier_position() -> None:
    view = _view([_row(0.5)] * 5, tokens_per_step=2)
    for by in (scores.probability, scores.margin, scores.certainty, scores.doubt, scores.order):
        assert _chosen(quotas.fixed, view, by) == [0, 1]


def test_scores_follow_their_definitions() -> None:
    view = _view([_row(0.7), _row(0.4, 2)])
    drawn = _drawn(view)
    assert scores.probability(view, drawn).tolist() == pytest.approx([0.7, 0.4])
    assert scores.margin(view, drawn).tolist() == pytest.approx([0.625, 0.25])
    entropy = [-sum(p * math.log(p) for p in row if p) for row in (_row(0.7), _row(0.4))]
    assert scores.uncertainty(view, drawn).tolist() == pytest.approx(entropy, abs=1e-4)
    assert scores.certainty(view, drawn).tolist() == pytest.approx([-e for e in entropy], abs=1e-4)


@pytest.mark.parametrize(
    ("strategy", "order"),
    [
        ("low_confidence", [1, 0, 3, 2]),
        ("high_confidence", [2, 0, 3, 1]),
        ("low_entropy", [2, 0, 3, 1]),
        ("high_entropy", [1, 0, 3, 2]),
    ],
)
def test_rankings_mean_their_glosses(strategy: str, order: list[int]) -> None:
    p1 = torch.tensor([0.5, 0.2, 0.9, 0.5])
    entropy = torch.tensor([1.0, 2.0, 0.1, 1.0])
    assert rank(strategy, p1, entropy, seeded(0)(1)).tolist() == order


def test_the_random_ranking_is_decided_by_the_seed_and_the_step() -> None:
    p1 = torch.full((12,), 0.5)
    first, again, later = (rank("random", p1, p1, seeded(7)(s)).tolist() for s in (1, 1, 2))
    assert sorted(first) == list(range(12))
    assert first == again
    assert first != later


def test_an_unknown_ranking_is_an_error() -> None:
    with pytest.raises(InputError) as caught:
        rank("best", torch.ones(1), torch.ones(1), seeded(0)(1))
    assert caught.value.field == "strategy"


def _state(canvas: Canvas, index: int = 0, spec: ModelSpec = SPEC, **params: Any) -> RunState:
    return RunState(spec, Params(**params), canvas, index, {})


def test_chunks_are_made_of_the_places_of_the_run() -> None:
    canvas = Canvas.start([0, 5, 0, 0, 5, 5], 3, 5)
    block = blocks.chunks(_state(canvas, block_length=2, steps=6))
    assert block is not None
    assert (block.scope, block.steps_left) == ((1, 4), 2)
    filled = canvas.apply([{"op": "commit", "slot": s, "token": 1} for s in (1, 4)])
    after = blocks.chunks(_state(filled, 2, block_length=2, steps=6))
    assert after is not None
    assert (after.scope, after.index) == ((5, 6), 1)


def test_a_block_that_is_ahead_of_time_shares_what_is_left() -> None:
    canvas = Canvas.start([0], 4, 5).apply(
        [{"op": "commit", "slot": s, "token": 1} for s in (1, 2)]
    )
    block = blocks.chunks(_state(canvas, 1, block_length=2, steps=8))
    assert block is not None
    assert (block.index, block.steps_left) == (1, 7)


def test_aligned_blocks_count_from_the_start_of_the_sequence() -> None:
    spec = replace(SPEC, attention="block", block_size=4)
    block = blocks.aligned(_state(Canvas.start([0] * 6, 6, 5), spec=spec))
    assert block is not None
    assert (block.scope, block.span) == ((6, 7), (4, 8))


@pytest.mark.parametrize(
    ("length", "scopes"),
    [
        (4, [(6, 7), (8, 9, 10, 11), (12, 13, 14, 15), (16, 17)]),
        (2, [(6, 7), (8, 9), (10, 11), (12, 13), (14, 15), (16, 17)]),
        (3, [(6, 7), (8, 9, 10), (11,), (12, 13, 14), (15,), (16, 17)]),
        (9, [(6, 7), (8, 9, 10, 11, 12, 13, 14, 15), (16, 17)]),
        (12, [tuple(range(6, 18))]),
        (None, [tuple(range(6, 18))]),
    ],
)
def test_chunks_of_a_block_causal_model_keep_to_its_blocks(
    length: int | None, scopes: list[tuple[int, ...]]
) -> None:
    spec = replace(SPEC, attention="block", block_size=4)
    canvas, found = Canvas.start([0] * 6, 12, 5), []
    while block := blocks.chunks(_state(canvas, spec=spec, block_length=length)):
        found.append(block.scope)
        canvas = canvas.apply(
            [{"op": "commit", "slot": canvas.slots[i].id, "token": 1} for i in block.scope]
        )
    assert found == scopes


@pytest.mark.parametrize("spread", [0.5, 3.0, 8.0])
@pytest.mark.parametrize(
    ("top_p", "top_k"), [(0.9, 0), (0.3, 0), (0.95, 40), (1.0, 7), (0.99, 9000)]
)
def test_filters_of_a_large_vocabulary_equal_those_of_a_small_one(
    spread: float, top_p: float, top_k: int
) -> None:
    logits = torch.randn(3, 20_000, generator=torch.Generator().manual_seed(2)) * spread
    found = filtered_distribution(Distribution(logits, (5,)), 0.8, top_p, top_k)
    open_ones = forbid(logits, (5,)) / 0.8
    wanted = Distribution(keep_top_k(keep_top_p(open_ones, top_p), top_k), (5,))
    assert torch.equal(found.best, wanted.best)
    assert torch.allclose(found.entropy, wanted.entropy, atol=1e-3)
    assert torch.allclose(found.margin, wanted.margin, atol=1e-5)
    assert torch.allclose(found.p1, wanted.p1, atol=1e-5)
    drawn = found.draw(torch.tensor([0.1, 0.5, 0.99]))
    assert (wanted.prob_of(drawn) > 0).all()
    assert torch.allclose(found.prob_of(drawn), wanted.prob_of(drawn), atol=1e-5)


@pytest.mark.parametrize("size", [50, 9000])
@pytest.mark.parametrize(("top_p", "top_k"), [(0.9, 0), (1.0, 1), (0.5, 3), (0.01, 0)])
def test_a_barred_token_never_fills_the_nucleus(size: int, top_p: float, top_k: int) -> None:
    logits = torch.randn(3, size, generator=torch.Generator().manual_seed(2))
    logits[:, 5] = 30.0
    found = filtered_distribution(Distribution(logits, (5,)), 0.5, top_p, top_k)
    assert torch.equal(found.best, forbid(logits, (5,)).argmax(-1))
    assert bool((found.prob_of(found.draw(torch.tensor([0.0, 0.5, 0.999]))) > 0).all())
    assert bool(((found.margin >= 0) & (found.margin <= 1)).all())


def test_no_block_when_nothing_is_open() -> None:
    full = Canvas.start([0, 1], 0, 5)
    assert blocks.whole(_state(full)) is None
    assert blocks.chunks(_state(full)) is None
    assert blocks.aligned(_state(full)) is None


@pytest.mark.parametrize("form", ["cap", "rescale"])
def test_remasking_keeps_the_share_of_written_tokens(form: str) -> None:
    """Whatever is masked again, the reverse process writes as much as is due: probabilities."""
    for index in range(1, 20):
        view = _view([_row(0.5)] * 4, index, steps=20, eta=0.1, remdm_form=form)
        one = remdm.moment(view)
        assert 0 <= one.chance <= 1
        assert 0 <= one.writes <= 1
        stays = one.now * (1 - one.chance) + (1 - one.now) * one.writes
        assert stays == pytest.approx(one.then)


def test_the_cap_and_the_rescaling_bound_the_chance() -> None:
    chances = {
        form: [
            remdm.moment(_view([_row(0.5)] * 4, i, steps=20, eta=0.1, remdm_form=form)).chance
            for i in range(1, 20)
        ]
        for form in ("cap", "rescale")
    }
    assert chances["cap"][:9] == [0.1] * 9
    assert chances["cap"][-1] == pytest.approx(0.0)
    assert all(r <= c for r, c in zip(chances["rescale"], chances["cap"], strict=True))


def test_the_loop_remasks_in_its_window_only_and_stands_still_there() -> None:
    moments = [
        remdm.moment(_view([_row(0.5)] * 4, i, steps=20, eta=0.1, remdm_form="loop"))
        for i in range(20)
    ]
    inside = [i for i, one in enumerate(moments) if one.chance > 0]
    assert inside == list(range(9, 19))
    assert all(moments[i].now == moments[i].then == 0.9 for i in inside)
    assert moments[19].then == pytest.approx(1.0)


def test_end_of_text_waits_until_nothing_else_is_left(tiny: Tiny) -> None:
    """With the switch the places that would end the text are written last."""
    model = tiny("llada")
    plain = list(generate(model, Canvas.start([1, 2], 10, MASK), "rank/high_confidence", {}, 0))
    first = plain[0].operations[0]["token"]
    spec = replace(model.spec, eos_id=first)
    steps = list(
        generate(
            replace(model, spec=spec),
            Canvas.start([1, 2], 10, MASK),
            "rank/high_confidence",
            {"eos_last": True},
            0,
        )
    )
    assert steps[0].operations[0]["token"] != first


def test_logits_eos_inf_never_ends_the_text(tiny: Tiny) -> None:
    model = tiny("llada")
    canvas = Canvas.start([1, 2], 10, MASK)
    *_, plain = generate(model, canvas, "llada/low_confidence", {}, 0)
    end = plain.canvas.tokens[5]
    switched = replace(model, spec=replace(model.spec, eos_id=end))
    *_, last = generate(switched, canvas, "llada/low_confidence", {"logits_eos_inf": True}, 0)
    assert end not in last.canvas.tokens[2:]


def test_guidance_changes_the_logits_and_keeps_the_count_of_steps(tiny: Tiny) -> None:
    model, canvas = tiny("llada"), Canvas.start([1, 2, 3], 6, MASK)
    plain = next(generate(model, canvas, "llada/low_confidence", {}, 0))
    guided = next(generate(model, canvas, "llada/low_confidence", {"cfg_scale": 1.5}, 0))
    bare = next(generate(model, Canvas.start([MASK] * 3, 6, MASK), "llada/low_confidence", {}, 0))
    base = bare.logits[3:]
    wanted = base + 2.5 * (plain.logits - base)
    assert torch.allclose(guided.logits, wanted, atol=1e-3)


def test_caches_start_exact(tiny: Tiny) -> None:
    """The first step of a block is a full forward; with one step a block nothing is approximate."""
    model, canvas = tiny("llada"), Canvas.start([1, 2, 3], 8, MASK)
    exact = [
        s.canvas.tokens
        for s in generate(model, canvas, "llada/low_confidence", {"block_length": 2, "steps": 4}, 0)
    ]
    for recipe in ("fastdllm/prefix_schedule", "fastdllm/dual_schedule"):
        params = {"block_length": 2, "steps": 4}
        steps = list(generate(model, canvas, recipe, params, 0))
        assert [s.canvas.tokens for s in steps] == exact


@pytest.mark.parametrize("name", ["llada", "dream", "llada2", "a2d-qwen3"])
@pytest.mark.parametrize("recipe", ["fastdllm/prefix_schedule", "fastdllm/dual_schedule"])
def test_one_block_over_everything_is_exact_with_a_cache(
    recipe: str, name: str, tiny: Tiny
) -> None:
    """With no prompt before the block and nothing behind it there is nothing to be stale."""
    model, canvas = tiny(name), Canvas.start([], 9, MASK)
    params = {"block_length": 9, "steps": 9}
    fast = list(generate(model, canvas, recipe, params, 0))
    plain = list(generate(model, canvas, "llada/low_confidence", params, 0))
    assert len(fast) == 9
    for left, right in zip(fast, plain, strict=True):
        assert left.canvas.tokens == right.canvas.tokens
        assert torch.allclose(left.logits, right.logits, atol=1e-4)


def _ending(model: LoadedModel, **params: Any) -> list[Any]:
    """A run left to right of a model that ends the text at its third place."""
    plain = list(generate(model, Canvas.start([1, 2], 8, MASK), "rank/left_to_right", {}, 0))
    spec = replace(model.spec, eos_id=plain[2].operations[0]["token"])
    ended = replace(model, spec=spec)
    return list(generate(ended, Canvas.start([1, 2], 8, MASK), "rank/left_to_right", params, 0))


def test_a_run_may_stop_when_the_text_has_ended(tiny: Tiny) -> None:
    whole, short = _ending(tiny("llada")), _ending(tiny("llada"), stop_at_end=True)
    end = whole[2].operations[0]["token"]
    first = next(i for i, step in enumerate(whole) if step.operations[0]["token"] == end)
    assert [s.operations[0] for s in short] == [s.operations[0] for s in whole[: first + 1]]
    assert short[-1].masked == 0
    assert set(short[-1].canvas.tokens[2 + first :]) == {end}
    probs = short[-1].logits.softmax(-1)[1:, end].tolist()
    assert [op["p"] for op in short[-1].operations[1:]] == pytest.approx(probs, abs=1e-5)


def test_an_end_with_open_places_before_it_ends_nothing(tiny: Tiny) -> None:
    model = tiny("llada")
    canvas = Canvas.start([1, 2], 6, MASK).apply([{"op": "commit", "slot": 6, "token": 300}])
    first = next(generate(model, canvas, "rank/left_to_right", {"stop_at_end": True}, 0))
    assert len(first.operations) == 1

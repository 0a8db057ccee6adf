"""Rules of single papers on small examples: what each writes, opens, adds and takes away."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch

from inference.engine.canvas import Canvas
from inference.engine.checkpoint import LoadedModel
from inference.engine.decoding.distribution import Distribution
from inference.engine.decoding.loop import generate
from inference.engine.decoding.params import Params
from inference.engine.decoding.rng import seeded
from inference.engine.decoding.rules import (
    a_cfg,
    daedal,
    dcd,
    dinfer,
    freedave,
    local_leap,
    p2,
    pc_sampler,
    prophet,
    rho_eos,
    saber,
    slowfast,
)
from inference.engine.decoding.sources import Reader
from inference.engine.decoding.step_result import StepResult
from inference.engine.decoding.view import Block, Drawn, RunState, View
from inference.engine.families.spec import ModelSpec
from inference.engine.forward import forward_many, logits
from tests.inference.engine.models import EOS, MASK

Tiny = Callable[[str], LoadedModel]
SPEC = ModelSpec("llada", vocab_size=6, context=64, mask_id=5, eos_id=4)


def _row(top: float, best: int = 0) -> list[float]:
    """A distribution over six tokens with one probability given, the mask at 0."""
    rest = (1 - top) / 4
    return [top if i == best else (0.0 if i == 5 else rest) for i in range(6)]


def _spread(rows: list[list[float]]) -> Distribution:
    return Distribution(torch.tensor(rows).clamp_min(1e-9).log(), (5,))


def _view(
    tops: list[float], taken: dict[int, int] | None = None, index: int = 0, **params: Any
) -> View:
    """A canvas behind a prompt of one token: masks with these best probabilities.

    `taken` places (by position) hold a token; their rows are the shadow's.
    """
    held = taken or {}
    canvas = Canvas.start([0], len(tops), 5).apply(
        [{"op": "commit", "slot": i, "token": token} for i, token in held.items()]
    )
    state = RunState(SPEC, Params(**params), canvas, index, {})
    open_now = canvas.writable_positions
    block = Block(tuple(open_now), (1, len(canvas)), max(1, state.steps - index), 0, index)
    choice = _spread([_row(tops[i - 1]) for i in open_now])
    written = [i for i in range(1, len(canvas)) if i in held]
    return View(
        state,
        block,
        seeded(1)(index),
        torch.tensor(open_now),
        choice,
        choice,
        (0, len(canvas)),
        settled=torch.tensor(written),
        shadow=_spread([_row(tops[i - 1]) for i in written]) if written else None,
    )


def _chosen(quota: Callable[..., Any], view: View) -> list[int]:
    """The positions that a quota takes by the probability of the best token."""
    drawn = Drawn(view.choice.best, view.ranking)
    return sorted(view.positions[quota(view, drawn, drawn.probs)].tolist())


def test_the_guard_takes_what_comes_close_to_the_best() -> None:
    view = _view([0.5, 0.500001, 0.4], threshold=0.9)
    assert _chosen(dinfer.guarded_threshold, view) == [1, 2]


def test_hierarchy_takes_the_best_of_each_run() -> None:
    taken = {3: 1}
    view = _view([0.5, 0.6, 0.0, 0.45, 0.3], taken, threshold=0.9, low_threshold=0.4)
    assert _chosen(dinfer.hierarchy, view) == [2, 4]
    low = _view([0.3, 0.35], threshold=0.9, low_threshold=0.4)
    assert _chosen(dinfer.hierarchy, low) == [2]
    assert _chosen(dinfer.hierarchy_fast, low) == [2]


def test_what_exceeds_the_threshold_is_written_where_all_are_low() -> None:
    """As published, where `threshold` lies below `low_threshold`."""
    view = _view([0.3, 0.35, 0.1], threshold=0.25, low_threshold=0.5)
    assert _chosen(dinfer.hierarchy_fast, view) == [1, 2]


def test_of_equal_places_the_first_counts_as_the_block_s_best() -> None:
    view = _view([0.3, 0.3], threshold=0.9, low_threshold=0.5)
    assert _chosen(dinfer.hierarchy, view) == [1]


def test_credit_decays_and_grows_by_the_likeliest_token() -> None:
    view = _view([0.5, 0.6], credit_gamma=1.0, credit_decay=0.5, credit_alpha=1.0)
    dinfer.credited(view)
    again = replace(view, choice=view.choice)
    drawn = dinfer.credited(again)
    assert view.state.carry["credit"]["1"]["0"] == pytest.approx(0.5 * 0.5 + 0.5)
    fused = torch.tensor(_row(0.5))[0] * (1 + 0.75)
    assert float(drawn.probs[0]) == pytest.approx(float(fused / (fused + 0.5)), abs=1e-4)


@pytest.mark.parametrize(("index", "bound", "count"), [(0, "gap_early", 4), (6, "gap_late", 4)])
def test_prophet_writes_everything_once_the_gap_is_reached(
    index: int, bound: str, count: int
) -> None:
    others = {"gap_early": 99.0, "gap_mid": 99.0, "gap_late": 99.0}
    view = _view([0.9] * 4, None, index, steps=9, **{**others, bound: 1.0})
    view = replace(view, shadow=view.choice)
    assert len(_chosen(prophet.early_exit, view)) == count
    wait = replace(view, state=replace(view.state, params=Params(steps=9, **others)))
    assert len(_chosen(prophet.early_exit, wait)) < count


def test_rare_tokens_and_early_places_come_first() -> None:
    view = _view([0.6, 0.6, 0.6], pc_lambda=0.5, pc_alpha=10.0)
    common = torch.full((6,), 0.1)
    view = replace(view, background=common)
    scores = pc_sampler.calibrated(view, Drawn(view.choice.best, view.ranking))
    assert scores.argsort(descending=True).tolist() == [0, 1, 2]
    assert float(scores[0]) == pytest.approx(0.6 * 2.302585, abs=1e-4)
    capped = replace(view, state=replace(view.state, params=Params(pc_alpha=0.2, pc_lambda=0.0)))
    assert (
        pc_sampler.calibrated(capped, Drawn(view.choice.best, view.ranking)).tolist()
        == [pytest.approx(0.2)] * 3
    )


def test_written_places_are_as_common_as_the_token_that_stands() -> None:
    """The scale of PC-Sampler's linear form, as published: token 1 stands, token 0 is likeliest."""
    view = _view([0.5, 0.4, 0.9], {3: 1}, pc_lambda=0.0)
    rare = torch.tensor([0.5, 0.001, 0.5, 0.5, 0.5, 0.5])
    view = replace(view, background=rare)
    drawn = Drawn(view.choice.best, view.ranking)
    low, high = 0.4 * 0.693147, 0.9 * 6.907755
    scores = pc_sampler.linear_position(view, drawn)
    assert float(scores[0]) == pytest.approx((0.5 * 0.693147 - low) / (high - low), abs=1e-4)


@pytest.mark.parametrize(("eta", "opened"), [(0.0, []), (1.0, [1]), (9.0, [1, 3])])
def test_p2_opens_what_it_would_hardly_write_again(eta: float, opened: list[int]) -> None:
    taken = {1: 1, 3: 1}
    view = _view([0.3, 0.5, 0.6, 0.4], taken, index=1, steps=4, p2_eta=eta)
    operations = p2.remask_lowest(view, Drawn(view.choice.best, view.ranking), [])
    assert [op["slot"] for op in operations] == opened


def test_p2_masks_the_share_that_is_not_due() -> None:
    view = _view([0.3, 0.5, 0.6, 0.4], index=1, steps=4)
    assert _chosen(p2.kept, view) == [2, 3]


@pytest.mark.parametrize("tops", [[0.95, 0.8, 0.5, 0.5, 0.5, 0.8]])
def test_localleap_relaxes_near_anchors_only(tops: list[float]) -> None:
    view = _view(tops, threshold=0.9, relaxed_threshold=0.75, leap_radius=4)
    assert _chosen(local_leap.near_anchors, view) == [1, 2]
    wide = _view(tops, threshold=0.9, relaxed_threshold=0.75, leap_radius=5)
    assert _chosen(local_leap.near_anchors, wide) == [1, 2, 6]
    none = _view([0.5, 0.8], threshold=0.9)
    assert _chosen(local_leap.near_anchors, none) == [2]


def test_saber_s_threshold_is_the_mean_of_what_was_written() -> None:
    view = _view([0.6, 0.7, 0.0, 0.8, 0.65], {3: 1}, saber_least=1)
    assert len(_chosen(saber.above_the_mean, view)) == 1
    view.state.carry["saber"] = {"last": {}, "written": {"3": 0.62}}
    assert _chosen(saber.above_the_mean, view) == [2, 4, 5]


def test_saber_opens_what_lost_most_of_its_confidence() -> None:
    view = _view([0.6, 0.7, 0.5, 0.4, 0.9], {3: 1, 4: 1}, saber_least=2, saber_per=8)
    last = {"3": 0.5, "4": 0.9}
    view.state.carry["saber"] = {"last": last, "written": {}}
    written = [{"op": "commit", "slot": i, "token": 0, "p": 0.5, "by": "auto"} for i in (1, 2)]
    found = saber.backtracked(view, Drawn(view.choice.best, view.ranking), written)
    assert found[2:] == [{"op": "remask", "slot": 4}]


def test_two_confident_places_are_written_together_one_is_not() -> None:
    view = _view([0.95, 0.92, 0.5], threshold=0.9, reach_threshold=0.3)
    view.state.carry["slowfast"] = slowfast._exploring((1, 4), 1)
    assert _chosen(slowfast.confident_together, view) == [1, 2]
    assert view.state.carry["slowfast"]["lengths"] == [3]
    alone = _view([0.95, 0.5, 0.2], threshold=0.9, reach_threshold=0.3)
    alone.state.carry["slowfast"] = slowfast._exploring((1, 4), 1)
    assert _chosen(slowfast.confident_together, alone) == [1]
    assert alone.state.carry["slowfast"]["lengths"] == [2]


@pytest.mark.parametrize(
    ("lengths", "end"), [([4, 4, 9], 5), ([1, 5, 9], 8), ([1, 99, 99], 20), ([], 2)]
)
def test_a_cycle_ends_where_the_lengths_agree(lengths: list[int], end: int) -> None:
    state = _view([0.5], stable_window=2, stable_deviation=1.0).state
    note = {"block": [1, 20], "last": 1, "end": None, "lengths": lengths, "steps": 3}
    assert slowfast._cycle_end(state, note) == end


def test_the_window_holds_a_number_of_masks_and_slides() -> None:
    canvas = Canvas.start([0], 9, 5)
    state = RunState(SPEC, Params(window_masks=3), canvas, 0, {})
    first = dcd.window(state)
    assert first is not None
    assert first.span == (1, 4)
    state.canvas = canvas.apply([{"op": "commit", "slot": i, "token": 1} for i in (1, 3)])
    moved = dcd.window(state)
    assert moved is not None
    assert (moved.span, moved.scope) == ((2, 6), (2, 4, 5))
    narrow = replace(state, params=Params(window_masks=3, window_length=3))
    bounded = dcd.window(narrow)
    assert bounded is not None
    assert bounded.span == (2, 5)


def test_the_window_ends_where_the_text_does() -> None:
    """What a dual cache evaluates beside the window would be keys of places behind the end."""
    canvas = Canvas.start([0], 9, 5)
    state = RunState(SPEC, Params(window_masks=4), canvas, 0, {})
    assert dcd.window(state) is not None
    ended = [(3, 1), *((i, 4) for i in range(4, 10))]
    state.canvas = canvas.apply([{"op": "commit", "slot": i, "token": t} for i, t in ended])
    moved = dcd.window(state)
    assert moved is not None
    assert (moved.span, moved.scope) == ((1, 4), (1, 2))


@pytest.mark.parametrize("temperature", [0.5, 2.0])
def test_dcd_judges_places_after_temperature_and_filters(temperature: float) -> None:
    view = _view([0.5, 0.7], temperature=temperature)
    judged = dcd.without_mask(view).judged
    logits = view.choice.logits[:, :5] / temperature
    assert torch.allclose(judged.p1, logits.softmax(-1)[:, 0])
    alone = dcd.without_mask(_view([0.5, 0.7], top_p=0.4)).judged
    assert torch.allclose(alone.p1, torch.ones(2))
    plain = dcd.without_mask(_view([0.5, 0.7])).judged
    assert torch.allclose(plain.p1, torch.tensor([0.5, 0.7]))


def test_behind_an_end_everything_becomes_end_of_text() -> None:
    view = _view([0.5] * 5, {4: 2})
    written = [{"op": "commit", "slot": 2, "token": 4, "p": 0.5, "by": "auto"}]
    found = dcd.end_fills(view, Drawn(view.choice.best, view.ranking), written)
    assert [(op["op"], op["slot"]) for op in found[1:]] == [
        ("commit", 3),
        ("edit", 4),
        ("commit", 5),
    ]


def _steps(model: LoadedModel, recipe: str, length: int, **params: Any) -> list[StepResult]:
    return list(generate(model, Canvas.start([5, 6, 7], length, MASK), recipe, params, 3))


def _ending(model: LoadedModel, weight: float) -> LoadedModel:
    """A model that adds this to the logit of end-of-text everywhere."""
    plain = model.family.head

    def head(native: torch.nn.Module, hidden: torch.Tensor) -> torch.Tensor:
        found = plain(native, hidden).clone()
        found[..., EOS] += weight
        return found

    return replace(model, family=replace(model.family, head=head))


def _sharper(model: LoadedModel, factor: float) -> LoadedModel:
    """A model whose logits are multiplied."""
    plain = model.family.head
    head = lambda native, hidden: plain(native, hidden) * factor  # noqa: E731
    return replace(model, family=replace(model.family, head=head))


def test_daedal_grows_up_to_the_bound_where_no_end_is_in_sight(tiny: Tiny) -> None:
    model = _ending(tiny("llada"), -50.0)
    steps = _steps(model, "daedal", 4, max_new_tokens=20, expansion_factor=6, low_threshold=0.0)
    assert [len(step.canvas.places) for step in steps[:4]] == [10, 16, 20, 20]
    assert [op["op"] for op in steps[0].operations] == ["insert"]
    assert steps[-1].masked == 0


def test_daedal_stays_short_where_the_end_is_certain(tiny: Tiny) -> None:
    model = _ending(tiny("llada"), 50.0)
    steps = _steps(model, "daedal", 8, max_new_tokens=20, eos_check=4)
    assert {len(step.canvas.places) for step in steps} == {10}
    assert [op["op"] for op in steps[0].operations] == ["insert", "commit", "commit"]


def test_a_hopeless_place_becomes_many_and_the_surplus_is_cut() -> None:
    view = _view([0.6, 0.3, 0.7, 0.6], threshold=0.5, low_threshold=0.4, max_new_tokens=5)
    view = replace(view, shadow=view.choice, settled=view.positions)
    view.state.carry["sized"] = True
    written = [{"op": "commit", "slot": 3, "token": 0, "p": 0.7, "by": "auto"}]
    drawn = Drawn(view.choice.best, view.ranking)
    found = daedal.grow(view, drawn, written)
    assert [op["op"] for op in found] == ["commit", "insert", "delete", "delete"]
    grown = view.canvas.apply(found)
    assert len(grown.places) == 5
    assert grown.tokens[2:] == [grown.mask_id] * 4


@pytest.mark.parametrize(("recipe", "grown"), [("daedal", 24), ("rho_eos", 44)])
def test_a_short_canvas_grows_by_the_whole_factor(recipe: str, grown: int, tiny: Tiny) -> None:
    """Growth was bounded by the canvas' own length, other than published."""
    model = _ending(tiny("llada"), -50.0)
    params = {"max_new_tokens": grown, "expansion_factor": 20, "threshold": 1.0}
    first = _steps(model, recipe, 4, **params)[0]
    assert len(first.canvas.places) == grown


@pytest.mark.parametrize(("weight", "longer"), [(-50.0, True), (50.0, False)])
def test_the_density_of_ends_moves_the_length(weight: float, longer: bool, tiny: Tiny) -> None:
    model = _ending(tiny("llada"), weight)
    first = _steps(model, "rho_eos", 12, max_new_tokens=40, threshold=1.0)[0]
    assert (len(first.canvas.places) > 12) is longer
    assert (len(first.canvas.places) < 12) is not longer


def test_rho_eos_never_takes_written_text_away() -> None:
    view = _view([0.5] * 4, {4: 2}, rho_high=0.0)
    after = view.canvas
    assert rho_eos._shortened(view, after, 9) == []
    ended = view.canvas.apply([{"op": "edit", "slot": 4, "token": 4}])
    assert [op["slot"] for op in rho_eos._shortened(view, ended, 9)] == [4, 3, 2]


def test_guidance_leads_away_from_the_canvas_without_its_weakest_tokens(tiny: Tiny) -> None:
    model = tiny("llada")
    canvas = Canvas.start([5, 6, 7], 4, MASK).apply(
        [{"op": "commit", "slot": i, "token": 40 + i} for i in (3, 5)]
    )
    state = RunState(model.spec, Params(cfg_scale=0.5, a_cfg_share=0.5), canvas, 0, {})
    reading = a_cfg.adaptively_guided(
        Reader(model, forward_many, seeded(0)), state, Block((4, 6), (3, 7), 1)
    )
    sure = logits(model, canvas.tokens, [3, 5]).softmax(-1).max(-1).values
    bare = list(canvas.tokens)
    bare[3 if float(sure[0]) < float(sure[1]) else 5] = MASK
    full, base = logits(model, canvas.tokens, [4, 6]), logits(model, bare, [4, 6])
    assert torch.allclose(reading.logits, base + 1.5 * (full - base), atol=1e-4)


@pytest.mark.parametrize("size", [1, 2])
@pytest.mark.parametrize("drafts", [2, 5])
def test_drafts_end_exactly_as_single_steps_do(size: int, drafts: int, tiny: Tiny) -> None:
    model = tiny("llada")
    single = _steps(model, "rank/high_confidence", 12, tokens_per_step=size, block_length=6)
    quick = _steps(model, "freedave", 12, tokens_per_step=size, block_length=6, draft_steps=drafts)
    states = [step.canvas.tokens for step in single]
    assert quick[-1].canvas.tokens == states[-1]
    assert all(step.canvas.tokens in states for step in quick)
    assert len(quick) <= len(single)


def test_a_draft_that_holds_less_than_the_step_writes_is_refused() -> None:
    """Two places pass the threshold, of which the draft guessed one: what comes after that draft
    has not seen the other."""
    view = _view([0.9, 0.8, 0.3], draft_by="threshold", threshold=0.6, draft_steps=3)
    view.state.carry["guesses"] = [[[1, 0]]]
    after = _spread([_row(0.9), _row(0.8), _row(0.7)]).logits
    view = replace(view, beside=[view.choice.logits, after])
    found = freedave.accepted(view, Drawn(view.choice.best, view.ranking), [])
    assert [op["slot"] for op in found] == [1, 2]


def test_a_draft_that_is_right_is_accepted() -> None:
    """A guess that agrees with what the step leads to saves the step."""
    view = _view([0.9, 0.8, 0.7], tokens_per_step=1, draft_steps=2)
    view.state.carry["guesses"] = [[[1, 0]]]
    view = replace(view, beside=[view.choice.logits, view.choice.logits])
    found = freedave.accepted(view, Drawn(view.choice.best, view.ranking), [])
    assert [op["slot"] for op in found] == [1, 2]
    view.state.carry["guesses"] = [[[3, 0]]]
    wrong = freedave.accepted(view, Drawn(view.choice.best, view.ranking), [])
    assert [op["slot"] for op in wrong] == [1]


@pytest.mark.parametrize(("drafts", "ahead"), [(1, 1), (4, 1), (5, 2), (8, 2), (9, 3)])
def test_drafts_that_run_ahead_reach_as_many_blocks_as_they_have_steps_for(
    drafts: int, ahead: int
) -> None:
    spec = replace(SPEC, block_size=4)
    params = Params(draft_ahead=True, draft_steps=drafts)
    block = freedave.block_and_ahead(RunState(spec, params, Canvas.start([0] * 4, 20, 5), 0, {}))
    assert block is not None
    assert block.scope == tuple(range(4, 4 + 4 * (1 + ahead)))


def test_a_beam_s_change_of_lead_is_shown_as_what_it_is(tiny: Tiny) -> None:
    canvas = Canvas.start([5, 6, 7], 10, MASK)
    for step in _steps(tiny("llada"), "soar", 10, threshold=1.0, beam_size=3):
        canvas = canvas.apply(step.operations)
        assert canvas.tokens == step.canvas.tokens
        assert all(0 < op["p"] <= 1 for op in step.operations if "p" in op)
        beam = step.carry["beam"]
        assert 1 <= len(beam) <= 3
        assert beam[0]["tokens"] == canvas.tokens
        assert [one["score"] for one in beam] == sorted(
            (one["score"] for one in beam), reverse=True
        )


def test_core_replaces_only_what_lost_its_support(tiny: Tiny) -> None:
    model, seen = _sharper(tiny("llada"), 4.0), 0
    canvas = Canvas.start([5, 6, 7], 40, MASK)
    params = {"steps": 40, "core_every": 1, "core_candidates": 12, "core_revisions": 1}
    before = canvas
    for step in generate(model, canvas, "core", params, 0):
        edits = [op for op in step.operations if op["op"] == "edit"]
        assert len(edits) <= 1
        for op in edits:
            place = before.position_of[op["slot"]]
            assert place < 3 + 40 - 16
            assert op["p"] >= 0.3
            assert op["token"] != before.tokens[place]
            seen += 1
        before = step.canvas
    assert seen


def test_without_a_threshold_it_always_looks_ahead(tiny: Tiny) -> None:
    """As published: 0 is no threshold, not one that everything reaches."""
    steps = _steps(tiny("llada"), "info_gain", 4, candidates=2, threshold=0.0)
    assert [step.masked for step in steps] == [3, 2, 1, 0]


def test_the_candidate_that_tells_most_is_written(tiny: Tiny) -> None:
    """With all places as candidates the winner is the best by a plain computation."""
    model = tiny("llada")
    params = {"candidates": 64, "position_temperature": 50.0, "threshold": 1.0}
    first = next(generate(model, Canvas.start([5, 6, 7], 4, MASK), "info_gain", params, 0))
    tokens = [5, 6, 7, *[MASK] * 4]
    rows = logits(model, tokens, [3, 4, 5, 6])
    best = Distribution(rows, (MASK,)).best.tolist()
    objective = {}
    for place, token in zip(range(3, 7), best, strict=True):
        written = list(tokens)
        written[place] = token
        others = [i for i in range(3, 7) if i != place]
        after = Distribution(logits(model, written, others)).entropy.mean()
        objective[place] = -float(Distribution(rows).entropy[place - 3]) - float(after)
    assert [op["slot"] for op in first.operations] == [max(objective, key=objective.__getitem__)]

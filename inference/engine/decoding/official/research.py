"""Parts that do what the published loops of single papers do where that differs.

For comparisons with recorded runs only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from inference.engine.canvas import Operation
from inference.engine.decoding import kv_cache
from inference.engine.decoding.blocks import chunks
from inference.engine.decoding.distribution import Distribution
from inference.engine.decoding.draws import categorical
from inference.engine.decoding.history import with_tokens
from inference.engine.decoding.official.block_models import multinomial_over_the_span
from inference.engine.decoding.official.judged import Fixed
from inference.engine.decoding.official.loops import (
    every_step,
    llada_blocks,
    transfer_schedule,
)
from inference.engine.decoding.official.noise import gumbel_of_single_precision
from inference.engine.decoding.quotas import (
    best,
)
from inference.engine.decoding.rules import dcd, klass, prophet
from inference.engine.decoding.sources import Reader
from inference.engine.decoding.view import Block, Drawn, RunState, View
from inference.engine.processing import forbid

TINY = 1e-8


def bounded_by_steps(state: RunState) -> Block | None:
    """KLASS on Dream: as long as there are masks, but no more than `steps` times."""
    if state.index >= state.steps or not state.canvas.writable_positions:
        return None
    return every_step(state)


def likeliest(view: View) -> Drawn:
    """KLASS on Dream: the likeliest token at every temperature, judged by the model's own law."""
    return Drawn(view.choice.best, view.ranking)


def ready_or_best_filtered(view: View, drawn: Drawn, scores: Tensor) -> Tensor:
    """KLASS on Dream: if nothing is stable, the place whose token, drawn with temperature, top-p
    and top-k for that purpose alone, is the most probable under them."""
    chosen = klass.ready_everywhere(view, drawn, scores)
    return chosen if len(chosen) else best(categorical(view).probs, 1)


def unrolled(expected: int, most: int) -> Callable[[RunState], Block | None]:
    """dInfer: the loop looks at a block after min(max(masks // expected, 1), most) steps.

    Steps in between may have nothing left to write.
    """

    def block(state: RunState) -> Block | None:
        carry = state.carry
        if carry.get("unroll", 0) > 0:
            carry["unroll"] -= 1
            span = tuple(carry["unrolled"])
            scope = tuple(i for i in state.canvas.writable_positions if span[0] <= i < span[1])
            return Block(scope, (span[0], span[1]), 1)
        found = chunks(state)
        if found is not None:
            count = min(max(len(found.scope) // expected, 1), most)
            carry.update(unroll=count - 1, unrolled=list(found.span))
        return found

    return block


def in_sight_of_all(state: RunState) -> Block | None:
    """Prophet: LLaDA's blocks, all open places in scope, until the gap was large enough."""
    found = None if state.carry.get("exited") else llada_blocks(state)
    return found and replace(found, scope=tuple(state.canvas.writable_positions))


def exit_or_schedule(view: View, drawn: Drawn, scores: Tensor) -> Tensor:
    """Prophet: everything at the exit, else LLaDA's schedule."""
    if prophet.may_exit(view):
        return torch.arange(len(scores), device=scores.device)
    inside = (view.positions < view.block.span[1]).nonzero()[:, 0]
    counts = transfer_schedule(view.block.masks_at_start, view.block.step + view.block.steps_left)
    return inside[best(scores[inside], min(counts[view.block.step], len(inside)))]


def noted_exit(view: View, drawn: Drawn, operations: list[Operation]) -> list[Operation]:
    """Prophet: the run is over with the step in which the gap was large enough."""
    view.state.carry["exited"] = prophet.may_exit(view)
    return operations


def at_most(steps: int) -> Callable[[RunState], Block | None]:
    """SOAR: blocks, but no more than so many evaluations."""
    return lambda state: None if state.index >= steps else chunks(state)


def wide_first_window(state: RunState) -> Block | None:
    """DCD: the first window is as wide as asked, also where later ones must not be so wide.

    What the narrower ones then leave out counts as masks, written or not.
    """
    scope, places = state.canvas.writable_positions, state.canvas.places
    if not scope:
        return None
    ends = [i for i in places if state.canvas.tokens[i] == state.spec.eos_id]
    limit = min([len(state.canvas), *ends])
    width, most = state.params.window_masks, state.params.window_length or len(state.canvas)
    end, masks, before = state.carry.get("wide", (min(places[0] + width, limit), width, None))
    if before is not None:
        masks -= before - sum(i < end for i in scope)
        after = min(end + width - masks, scope[0] + most, limit)
        end, masks = after, masks + (0 if ends else after - end)
    inside = tuple(i for i in scope if i < end)
    state.carry["wide"] = (end, masks, len(inside))
    return Block(inside, (scope[0], end), 1, 0, state.index)


def bounded_choices(most: int) -> Callable[[RunState], Block | None]:
    """Info-Gain: at most so many choices a block; masks may be left over in it."""

    def block(state: RunState) -> Block | None:
        places, size = state.canvas.places, state.params.block_length or 1
        parts = [places[i : i + size] for i in range(0, len(places), size)]
        number, made = state.carry.get("choices", [0, 0])
        while number < len(parts):
            scope = tuple(i for i in state.canvas.writable_positions if i in parts[number])
            if scope and made < most:
                state.carry["choices"] = [number, made + 1]
                return Block(scope, (parts[number][0], parts[number][-1] + 1), 1, number)
            number, made = number + 1, 0
        return None

    return block


def multinomial_over_the_window(view: View) -> Drawn:
    """DCD: one multinomial over every place of the window; the mask takes no share."""
    if view.params.temperature == 0:
        return dcd.without_mask(view)
    return multinomial_over_the_span(dcd.knowing_no_mask(view))


def drafts_with_cache(dual: bool) -> Callable[..., list[Tensor]]:
    """FreeDave on models that see everything: the drafts with Fast-dLLM's caches, one by one."""
    source = kv_cache.dual if dual else kv_cache.prefix

    def evaluate(
        reader: Reader, state: RunState, block: Block, rows: list[list[int]]
    ) -> list[Tensor]:
        found = []
        for row in rows:
            inside = replace(state, canvas=with_tokens(state.canvas, row))
            found.append(source(reader, inside, block).logits)
        return found

    return evaluate


def noisy(view: View) -> Drawn:
    """P2 with tau: the best of logits / tau + Gumbel noise, judged by the noised distribution.

    The noise is drawn for the whole canvas and vocabulary; written places are judged alike.
    """
    size = view.choice.logits.shape[-1]
    noise = torch.rand(1, len(view.canvas), size, dtype=torch.float64, generator=view.generator)[0]
    gumbel = -(-(noise + TINY).log() + TINY).log()
    tau = view.params.temperature

    def noised(logits: Tensor, positions: Tensor) -> Distribution:
        return Distribution(logits.double() / tau + gumbel[positions])

    judged = noised(view.choice.logits, view.positions)
    if view.settled is None or view.shadow is None:
        return Drawn(judged.best, judged)
    return Drawn(judged.best, judged, written=noised(view.shadow.logits, view.settled))


def random_score(view: View) -> Drawn:
    """P2's random score: the token, judged by a uniform float32 number of each place."""
    tokens = noisy(view).tokens if view.params.temperature > 0 else view.choice.best
    draws = torch.rand(1, len(view.canvas), generator=view.generator)[0]
    judged = Fixed(tokens, draws[view.positions])
    if view.settled is None or view.shadow is None:
        return Drawn(tokens, judged)
    written = Fixed(view.shadow.best, draws[view.settled])
    return Drawn(tokens, judged, written=written)


def likeliest_but_not_all_masks(view: View) -> Drawn:
    """DAEDAL: the token of each place; where that is the mask everywhere, the best without it."""
    if not len(view.positions):  # while the length is being found nothing is drawn
        return Drawn(view.choice.best, view.choice)
    drawn = gumbel_of_single_precision(view)
    if bool((drawn.tokens == view.canvas.mask_id).all()):
        known = Distribution(forbid(view.choice.logits, [view.canvas.mask_id]))
        return Drawn(known.best, known)
    return drawn


def no_mask_above(view: View, drawn: Drawn, scores: Tensor) -> Tensor:
    """DAEDAL: all above `threshold`, else the best; a place whose best token is the mask waits.

    Where that holds for all of them, the best other token is written alone.
    """
    is_mask = drawn.tokens == view.canvas.mask_id
    if bool((view.choice.best == view.canvas.mask_id).all()) and not bool(is_mask.any()):
        return best(scores, 1)
    real = scores.masked_fill(is_mask, -torch.inf)
    return best(real, max(1, int((real > view.params.threshold).sum())))

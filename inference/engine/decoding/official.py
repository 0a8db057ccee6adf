"""Parts that do what the published loops do where that differs from the sane form.

They are used only under the `official` parameter, to be compared with recorded runs of that code;
docs/decoding.md lists the differences. Some need the run's carry, so such runs cannot be entered in
the middle.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from ..canvas import Operation
from ..processing import forbid, keep_top_k, keep_top_p
from . import kv_cache
from .blocks import chunks
from .distribution import Distribution
from .draws import categorical, filtered_but_first, filtered_view, gumbel, starts_block
from .history import with_tokens
from .quotas import best, block_share, due, factor_count, share_of, threshold
from .revisions import edit, resize
from .sources import Reader
from .view import Block, Drawn, RunState, View

TINY = 1e-8


def transfer_schedule(count: int, steps: int) -> list[int]:
    """LLaDA's number of tokens for each step: an equal share, the first ones one more."""
    return [count // steps + (step < count % steps) for step in range(steps)]


def _tail_block(state: RunState, number: int, step: int, steps: int) -> Block:
    """Block `number` of the tail behind the prompt; every earlier mask competes too."""
    size = state.params.block_length or len(state.canvas) - state.canvas.prompt_length
    start = state.canvas.prompt_length + number * size
    span = (start, start + size)
    if step == 0:
        state.carry["masks_at_start"] = sum(i >= start for i in _below(state, span[1]))
    scope = tuple(_below(state, span[1]))
    held = int(state.carry.get("masks_at_start", 0))
    return Block(scope, span, max(1, steps - step), number, step, held)


def _below(state: RunState, end: int) -> list[int]:
    return [i for i in state.canvas.writable_positions if i < end]


def _block_count(state: RunState) -> int:
    room = len(state.canvas) - state.canvas.prompt_length
    return max(1, room // (state.params.block_length or room))


def llada_blocks(state: RunState) -> Block | None:
    """LLaDA: `steps // blocks` forwards for each block, needed or not."""
    count = _block_count(state)
    share = max(1, state.steps // count)
    if state.index >= share * count:
        return None
    return _tail_block(state, state.index // share, state.index % share, share)


def fast_blocks(state: RunState) -> Block | None:
    """Fast-dLLM: at least one forward for each block, then until it is full."""
    return _fast(state, bounded=False)


def fast_blocks_bounded(state: RunState) -> Block | None:
    """Fast-dLLM's dual cache: as `fast_blocks`, but no more forwards than the block's share."""
    return _fast(state, bounded=True)


def _fast(state: RunState, bounded: bool) -> Block | None:
    count = _block_count(state)
    share = max(1, state.steps // count)
    number, step = state.carry.get("block", 0), state.carry.get("block_step", 0)
    block = _tail_block(state, number, step, share)
    full = not any(i >= block.span[0] for i in block.scope)
    if step > 0 and (full or (bounded and step >= share)):
        number, step = number + 1, 0
        if number >= count:
            return None
        block = _tail_block(state, number, step, share)
    state.carry.update(block=number, block_step=step + 1)
    return block


def every_step(state: RunState) -> Block | None:
    """Dream: all masks, exactly `steps` times (Fast-dLLM may ask for more)."""
    steps = state.steps + state.carry.get("more_steps", 0)
    if state.index >= steps:
        return None
    scope = tuple(state.canvas.writable_positions)
    return Block(scope, (0, len(state.canvas)), steps - state.index, 0, state.index)


def bounded_by_steps(state: RunState) -> Block | None:
    """KLASS on Dream: as long as there are masks, but no more than `steps` times."""
    if state.index >= state.steps or not state.canvas.writable_positions:
        return None
    return every_step(state)


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


def at_most(steps: int) -> Callable[[RunState], Block | None]:
    """SOAR: blocks, but no more than so many evaluations."""
    return lambda state: None if state.index >= steps else chunks(state)


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


def schedule(view: View, drawn: Drawn, scores: Tensor) -> Tensor:
    """LLaDA: the schedule made from the masks that the block had at its start."""
    counts = transfer_schedule(view.block.masks_at_start, _share(view.block))
    due = counts[view.block.step] if view.block.step < len(counts) else 0
    return topk(view, scores, min(due, len(scores)))


def topk(view: View, scores: Tensor, count: int) -> Tensor:
    """The best by torch.topk over all evaluated places: its order of equal scores is its own."""
    return _indices(view, _over_evaluated(view, scores).topk(count).indices)


def _over_evaluated(view: View, scores: Tensor) -> Tensor:
    start, end = view.evaluated
    full = torch.full((end - start,), -torch.inf)
    full[view.positions.cpu() - start] = scores.float().cpu()
    return full


def _indices(view: View, places: Tensor) -> Tensor:
    found = (places + view.evaluated[0]).to(view.positions.device)
    return torch.searchsorted(view.positions, found)


def _share(block: Block) -> int:
    return block.step + block.steps_left


def fast_factor(view: View, drawn: Drawn, scores: Tensor) -> Tensor:
    """Fast-dLLM: a walk that stops at the very last candidate writes that one too."""
    return walk(scores, view.params.factor)


def walk(scores: Tensor, factor: float) -> Tensor:
    """Indices that Fast-dLLM's factor rule writes."""
    count = factor_count(scores, factor)
    return best(scores, len(scores) if count == len(scores) - 1 else max(1, count))


def timetable(view: View, drawn: Drawn, scores: Tensor) -> Tensor:
    """Dream: a share rounded down, possibly none; `alg_temp` draws places by multinomial."""
    return _timed(view, scores, view.state.index, view.state.steps)


def block_categorical(view: View) -> Drawn:
    """Fast-dLLM on Dream: a block's first forward draws for every place, later ones for masks."""
    if view.block.step > 0 or view.params.temperature == 0:
        return categorical(view)
    drawn = categorical(replace(view, generator=torch.Generator()))
    probs = torch.ones(view.evaluated[1] - view.evaluated[0], drawn.judged.logits.shape[-1])
    probs[view.positions] = drawn.judged.probs
    tokens = torch.multinomial(probs, 1, replacement=True, generator=view.generator)[:, 0]
    return Drawn(tokens[view.positions], drawn.judged)


def multinomial_over_the_block(view: View) -> Drawn:
    """SDAR, LLaDA2: top-k before top-p; one multinomial over every place of the block.

    Written places draw too; their tokens are kept for those who look at them.
    """
    return _over_the_block(view, _top_k_first(view, view.choice))


def multinomial_at_temperature(view: View) -> Drawn:
    """SDAR under OpenCompass: the same, but judged before top-k and top-p.

    One unused float64 tensor is drawn first.
    """
    judged = Distribution(view.choice.logits / (view.params.temperature or 1.0))
    size = view.block.span[1] - view.block.span[0]
    shape = (1, size, judged.logits.shape[-1])
    torch.rand(shape, dtype=torch.float64, generator=view.generator)
    drawn = _over_the_block(view, _top_k_first(view, view.choice))
    return Drawn(drawn.tokens, judged)


def _top_k_first(view: View, source: Distribution) -> Distribution:
    params = view.params
    logits = source.logits / (params.temperature or 1.0)
    return Distribution(keep_top_p(keep_top_k(logits, params.top_k), params.top_p))


def _over_the_block(view: View, judged: Distribution) -> Drawn:
    if view.params.temperature == 0:
        return Drawn(judged.logits.argmax(-1), judged)
    start, end = view.block.span
    probs = torch.ones(end - start, judged.logits.shape[-1])
    probs[view.positions - start] = judged.probs
    written = None
    if view.settled is not None and view.shadow is not None:
        written = _top_k_first(view, view.shadow)
        probs[view.settled - start] = written.probs
    tokens = torch.multinomial(probs, 1, generator=view.generator)[:, 0]
    drawn = Drawn(tokens[view.positions - start], judged)
    if written is None or view.settled is None:
        return drawn
    return replace(drawn, written_tokens=tokens[view.settled - start], written=written)


def edit_as_drawn(view: View, drawn: Drawn, operations: list[Operation]) -> list[Operation]:
    """LLaDA2.1: a written token gives way to the one that was *drawn* for its place."""
    if drawn.written_tokens is None or drawn.written is None:
        return edit(view, drawn, operations)
    probs = drawn.written.prob_of(drawn.written_tokens)
    shadow = _Fixed(drawn.written_tokens, probs)
    return edit(replace(view, shadow=shadow), drawn, operations)


class _Fixed(Distribution):
    """Stands for a distribution of which one token of each row is known."""

    def __init__(self, best: Tensor, p1: Tensor) -> None:
        super().__init__(p1[:, None])
        self.__dict__.update(best=best, p1=p1)

    def prob_of(self, tokens: Tensor) -> Tensor:
        return self.__dict__["p1"]  # type: ignore[no-any-return]


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
    """P2's random score: the best token, judged by a uniform float32 number of each place."""
    draws = torch.rand(1, len(view.canvas), generator=view.generator)[0]
    judged = _Fixed(view.choice.best, draws[view.positions])
    if view.settled is None or view.shadow is None:
        return Drawn(view.choice.best, judged)
    written = _Fixed(view.shadow.best, draws[view.settled])
    return Drawn(view.choice.best, judged, written=written)


def share_over_the_block(view: View, drawn: Drawn, scores: Tensor) -> Tensor:
    """SDAR's `generate`: torch.topk over the block; what exceeds its masks is not used here.

    The published loop then writes over places that hold a token (`overwritten`).
    """
    chosen = _block_topk(view, scores, block_share(view))
    return torch.searchsorted(view.positions, chosen[torch.isin(chosen, view.positions)])


def schedule_over_the_block(view: View, drawn: Drawn, scores: Tensor) -> Tensor:
    """PC-Sampler: LLaDA's schedule by torch.topk over the block: its order of equal scores."""
    counts = transfer_schedule(view.block.masks_at_start, _share(view.block))
    due = counts[view.block.step] if view.block.step < len(counts) else 0
    chosen = _block_topk(view, scores, min(due, len(scores)))
    return torch.searchsorted(view.positions, chosen)


def _block_topk(view: View, scores: Tensor, count: int) -> Tensor:
    start, end = view.block.span
    full = torch.full((end - start,), -torch.inf)
    full[view.positions - start] = scores.float()
    return full.topk(count).indices + start


def overwritten(view: View, drawn: Drawn, operations: list[Operation]) -> list[Operation]:
    """SDAR's `generate`: a share larger than the masks left falls on places that hold a token."""
    if view.settled is None or drawn.written_tokens is None:
        return operations
    chosen = _block_topk(view, drawn.probs, block_share(view)).tolist()
    tokens = dict(zip(view.settled.tolist(), drawn.written_tokens.tolist(), strict=True))
    slots = view.canvas.slots
    return operations + [
        {"op": "edit", "slot": slots[i].id, "token": tokens[i], "p": 0.0, "by": "auto"}
        for i in chosen
        if i in tokens and tokens[i] != slots[i].token
    ]


def multinomial_over_the_small_block(view: View) -> Drawn:
    """Fast-dLLM v2: one multinomial over every place of the small block."""
    if starts_block(view) or view.params.temperature == 0:
        return filtered_but_first(view)
    start, end = view.block.span
    judged = filtered_view(view)
    probs = torch.ones(end - start, judged.logits.shape[-1])
    probs[view.positions - start] = judged.probs
    tokens = torch.multinomial(probs, 1, generator=view.generator)[:, 0]
    return Drawn(tokens[view.positions - start], judged)


def pads_behind_the_end(view: View, drawn: Drawn, operations: list[Operation]) -> list[Operation]:
    """Fast-dLLM v2's `batch_sample`: what stands behind the end in a full block becomes padding."""
    canvas = view.canvas.apply(operations)
    size = view.spec.block_size or len(canvas)
    start = view.block.span[0] // size * size
    slots = canvas.slots[start : start + size]
    ends = [i for i, slot in enumerate(slots) if slot.token == view.spec.eos_id and not slot.prompt]
    if not ends or any(slot.token == canvas.mask_id for slot in slots):
        return operations
    change = {"op": "edit", "token": view.spec.eos_id, "p": 0.0, "by": "auto"}
    behind = [slot.id for slot in slots[ends[0] :] if slot.token != view.spec.eos_id]
    return operations + [{**change, "slot": slot} for slot in behind]


def likeliest_but_not_all_masks(view: View) -> Drawn:
    """DAEDAL: the likeliest token of each place; where that is the mask everywhere, without it."""
    if len(view.positions) and bool((view.choice.best == view.canvas.mask_id).all()):
        known = Distribution(forbid(view.choice.logits, [view.canvas.mask_id]))
        return Drawn(known.best, known)
    return Drawn(view.choice.best, view.choice)


def no_mask_above(view: View, drawn: Drawn, scores: Tensor) -> Tensor:
    """DAEDAL: all above `threshold`, else the best; a place whose best token is the mask waits.

    Where that holds for all of them, the best other token is written alone.
    """
    is_mask = view.choice.best == view.canvas.mask_id
    if bool(is_mask.all()):
        return best(scores, 1)
    real = scores.masked_fill(is_mask, -torch.inf)
    return best(real, max(1, int((real > view.params.threshold).sum())))


def number(view: View, drawn: Drawn, scores: Tensor) -> Tensor:
    """DreamOn: `tokens_per_step` places, chosen (with `alg_temp` drawn) among the open ones."""
    count = min(view.params.tokens_per_step, len(scores))
    if not view.params.alg_temp:
        return scores.topk(count).indices
    weights = (scores / view.params.alg_temp).softmax(-1)
    return torch.multinomial(weights, count, generator=view.generator)


def block_timetable(view: View, drawn: Drawn, scores: Tensor) -> Tensor:
    """Fast-dLLM on Dream: the timetable of each block; its first place comes alone and first."""
    if view.block.step == 0:
        return (view.positions == view.block.span[0]).nonzero()[:, 0]
    return _timed(view, scores, view.block.step, _share(view.block))


def block_threshold(view: View, drawn: Drawn, scores: Tensor) -> Tensor:
    """Fast-dLLM on Dream: the threshold; a block's first place comes alone and first."""
    if view.block.step == 0:
        return (view.positions == view.block.span[0]).nonzero()[:, 0]
    return threshold(view, drawn, scores)


def _timed(view: View, scores: Tensor, index: int, steps: int) -> Tensor:
    count = share_of(len(scores), due(index, steps, view.params.eps))
    if not view.params.alg_temp or count == 0:
        return topk(view, scores, count)
    weights = (_over_evaluated(view, scores) / view.params.alg_temp).softmax(-1)
    places = torch.multinomial(weights, count, generator=view.generator)
    return _indices(view, places)


def origin(view: View) -> Drawn:
    """Dream's `origin`: first which places (float32 numbers), then tokens for those alone."""
    share = due(view.state.index, view.state.steps, view.params.eps)
    uniform = torch.rand(len(view.positions), generator=view.generator)
    keep = (uniform < share).to(view.positions.device)
    drawn = categorical(view.only(keep))
    tokens = view.choice.best.clone()
    tokens[keep] = drawn.tokens
    return Drawn(tokens, view.ranking, keep.nonzero()[:, 0])


def as_drawn(view: View, drawn: Drawn, scores: Tensor) -> Tensor:
    """The places that the draw already settled."""
    if drawn.chosen is None:
        raise ValueError("this draw settles no places")
    return drawn.chosen


def prefix_gumbel(view: View) -> Drawn:
    """Fast-dLLM's prefix cache: one unused noise tensor comes first in each cached forward."""
    if view.params.temperature > 0 and view.evaluated[0] > 0:
        size = view.choice.logits.shape[-1]
        view.batch_row.draw(view.generator, view.evaluated, size, dtype=torch.float64)
    return gumbel(view)


def held_back(view: View, drawn: Drawn, scores: Tensor) -> Tensor:
    """Fast-dLLM on Dream: places / steps each time plus what was held back; the best is written.

    What falls short of the threshold is held back, and lengthens the run if it was the last step.
    """
    carry = view.state.carry
    per_step = carry.setdefault("per_step", len(scores) // view.state.steps)
    steps = view.state.steps + carry.get("more_steps", 0)
    ranked = topk(view, scores, min(len(scores), per_step + carry.get("held", 0)))
    write = scores[ranked] >= view.params.threshold
    write[:1] = True
    held = int((~write).sum())
    if held and view.state.index >= steps - 1:
        carry["per_step"] = 0
        carry["more_steps"] = carry.get("more_steps", 0) + held
    carry["held"] = held
    return ranked[write]


def resize_first(view: View, drawn: Drawn, operations: list[Operation]) -> list[Operation]:
    """DreamOn: with `pad_delete_to_right` the first delete id of the whole canvas counts.

    Every place behind it that was open before the step goes, the one just written included.
    """
    tokens = [slot.token for slot in view.canvas.slots]
    for operation in operations:
        tokens[view.canvas.position_of[operation["slot"]]] = operation["token"]
    rest: list[int] = []
    if view.params.pad_delete_to_right and view.spec.delete_id in tokens:
        behind = view.canvas.slots[tokens.index(view.spec.delete_id) :]
        rest = [slot.id for slot in behind if slot.token == view.canvas.mask_id]
    kept = [operation for operation in operations if operation["slot"] not in rest]
    params = replace(view.params, pad_delete_to_right=False)
    quiet = replace(view, state=replace(view.state, params=params))
    return resize(quiet, drawn, kept) + [{"op": "delete", "slot": slot} for slot in rest]

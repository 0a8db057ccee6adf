"""Parts that do what the loops of LLaDA, Fast-dLLM, Dream and DreamOn do where that differs.

They are used only under the `official` parameter, to be compared with recorded runs of that code;
docs/decoding.md lists the differences. Some need the run's carry, so such runs cannot be entered in
the middle.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from inference.engine.canvas import Operation
from inference.engine.decoding.draws import (
    categorical,
    gumbel,
)
from inference.engine.decoding.quotas import (
    best,
    due,
    factor_count,
    share_of,
    threshold,
)
from inference.engine.decoding.revisions import resize
from inference.engine.decoding.view import Block, Drawn, RunState, View


def transfer_schedule(count: int, steps: int) -> list[int]:
    """LLaDA's number of tokens for each step: an equal share, the first ones one more."""
    return [count // steps + (step < count % steps) for step in range(steps)]


def _tail_block(state: RunState, number: int, step: int, steps: int) -> Block:
    """Block `number` of the tail behind the prompt; every earlier mask competes too."""
    size = state.params.block_length or len(state.canvas) - state.canvas.prompt_length
    start = state.canvas.prompt_length + number * size
    span = (start, min(start + size, len(state.canvas)))  # as a slice of the tail ends
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

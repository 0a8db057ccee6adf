"""Block rules: which open positions may be written now, and how many steps are theirs.

Each returns the block at hand, or None when the run has nothing left to do. Everything follows from
the canvas, the step and the parameters, so that a run can go on from any state, also from one that
a person changed by hand. Infilling needs nothing special: the *places* of a run are all that were
not given by the prompt, wherever they stand.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import replace
from itertools import groupby, pairwise

from inference.engine.canvas import Operation
from inference.engine.decoding.view import Block, RunState


def whole(state: RunState) -> Block | None:
    """All open positions at once."""
    scope = tuple(state.canvas.writable_positions)
    if not scope:
        return None
    left = max(1, state.steps - state.index)
    return Block(scope, _span(scope), left, 0, state.index)


def chunks(state: RunState) -> Block | None:
    """The first chunk of `block_length` places that is still open.

    In a block-causal model chunks of a given length lie within its blocks, or consist of them:
    counted from the first place, one would reach behind an open block, which the next one sees.
    """
    where, length = state.canvas.places, state.params.block_length
    aligns = state.spec.attention == "block" and state.spec.block_size
    if aligns and length and length < len(where):
        return _first_open(state, _within_blocks(where, aligns, length))
    size = min(length or len(where), len(where)) or 1
    return _first_open(state, [where[i : i + size] for i in range(0, len(where), size)])


def _within_blocks(where: list[int], block: int, length: int) -> list[list[int]]:
    """Ascending positions in chunks of `length`, cut where a block of the model ends or begins."""
    span = max(block, length // block * block)
    parts = [list(part) for _, part in groupby(where, lambda place: place // span)]
    size = min(length, span)
    return [part[i : i + size] for part in parts for i in range(0, len(part), size)]


def counted_chunks(state: RunState) -> Block | None:
    """`chunks`, with the number of steps that each has had, ahead of its timetable or not."""
    block = chunks(state)
    return None if block is None else counted(state, block)


def aligned(state: RunState) -> Block | None:
    """The first open block of a block-causal model, counted from position 0, prompt included.

    Under `official` a run is over after the block that holds an end of the text, where
    `stop_after_block` says so; else what is behind has been filled by then.
    """
    parts = aligned_parts(state)
    block = _first_open(state, parts)
    if block is None or (state.params.official and _over(state, parts[: block.index])):
        return None
    return counted(state, block)


def small_blocks(state: RunState) -> Block | None:
    """Fast-dLLM v2: small blocks from left to right inside the first open block.

    A block's first place comes alone and first: the last row of the block before predicts it.
    """
    block = aligned(state)
    if block is None:
        return None
    first, start = block.scope[0], block.span[0]
    if first == start > 0:
        return replace(block, scope=(first,), span=(start, start + 1))
    size = state.params.small_block_length
    begin = start + (first - start) // size * size
    scope = tuple(i for i in block.scope if i < begin + size)
    return replace(block, scope=scope, span=(begin, min(begin + size, block.span[1])))


def counted(state: RunState, block: Block) -> Block:
    """The block with the number of steps that it has had; the carry counts this one too."""
    carry = state.carry
    step = int(carry.get("block_step", 0)) if carry.get("block") == block.span[0] else 0
    carry.update(block=block.span[0], block_step=step + 1)
    return replace(block, step=step)


def _over(state: RunState, parts: list[list[int]]) -> bool:
    """Whether published loops stop here: at an end of the text in the finished blocks `parts`.

    With `stop_at_end` inside a block too, as soon as a place of the run's holds an end and none is
    open between the prompt and the first end of the whole canvas.
    """
    ends = state.spec.end_ids
    slots = state.canvas.slots
    own = [slot.token in ends and not slot.prompt for slot in slots]
    if state.params.stop_after_block and any(own[i] for part in parts for i in part):
        return True
    if not state.params.stop_at_end or not any(own):
        return False
    first = next(i for i, slot in enumerate(slots) if slot.token in ends)
    return state.canvas.mask_id not in state.canvas.tokens[state.canvas.prompt_length : first]


def block_size(state: RunState) -> int:
    """Of a block-causal model its own, else as asked, else the whole canvas."""
    return state.spec.block_size or state.params.block_length or len(state.canvas)


def aligned_parts(state: RunState) -> list[list[int]]:
    """The positions of each block that holds anything but prompt."""
    canvas, size = state.canvas, block_size(state)
    parts = [list(range(i, min(i + size, len(canvas)))) for i in range(0, len(canvas), size)]
    return [part for part in parts if any(not canvas.slots[i].prompt for i in part)]


def up_to_the_border(state: RunState) -> list[Operation]:
    """Masks that fill the last block up to its border, as the published loops of block models do.

    They are seen, compete and are written like all others, and are cut at the run's end. Nothing
    is added where `fill_last_block` is off, where the last block is the prompt's alone or full, or
    where the model's context is too short for it.
    """
    canvas, size = state.canvas, block_size(state)
    missing = -len(canvas) % size
    last = range(len(canvas) // size * size, len(canvas))
    is_open = any(not canvas.slots[i].prompt for i in last) and canvas.writable_positions
    fits = len(canvas) + missing <= state.spec.context
    if not (state.params.fill_last_block and missing and is_open and fits):
        return []
    new = [state.new_slot() for _ in range(missing)]
    return [{"op": "insert", "slot": canvas.slots[-1].id, "new": new, "surplus": True}]


def revisited(state: RunState) -> Block | None:
    """`aligned`, but a block that is full is looked at again as long as a revision asks for it."""
    parts = aligned_parts(state)
    again = state.carry.get("revisit")
    if again is None or again >= len(parts):
        return aligned(state)
    part = parts[again]
    scope = tuple(sorted(set(part) & set(state.canvas.writable_positions)))
    return counted(state, Block(scope, (part[0], part[-1] + 1), 1, again))


def _first_open(state: RunState, parts: list[list[int]]) -> Block | None:
    """The leftmost part with something to write; its steps end when the next part's begin.

    Parts ascend and hold all open places between their ends.
    """
    free = state.canvas.writable_positions
    ends = [bisect_right(free, part[-1]) for part in parts]
    scopes = [tuple(free[start:end]) for start, end in pairwise([0, *ends])]
    still_open = [number for number, scope in enumerate(scopes) if scope]
    if not still_open:
        return None
    number, steps, index = still_open[0], state.steps, state.index
    begin, end = number * steps // len(parts), (number + 1) * steps // len(parts)
    # ahead of or behind the timetable: what is left is shared among the parts that are open
    left = end - index if begin <= index < end else (steps - index) // len(still_open)
    span = (parts[number][0], parts[number][-1] + 1)
    return Block(scopes[number], span, max(1, left), number, max(0, index - begin))


def _span(positions: tuple[int, ...]) -> tuple[int, int]:
    return (positions[0], positions[-1] + 1) if positions else (0, 0)

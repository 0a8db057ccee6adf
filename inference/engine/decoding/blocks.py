"""Block rules: which open positions may be written now, and how many steps are theirs.

Each returns the block at hand, or None when the run has nothing left to do. Everything follows from
the canvas, the step and the parameters, so that a run can go on from any state, also from one that
a person changed by hand. Infilling needs nothing special: the *places* of a run are all that were
not given by the prompt, wherever they stand.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import pairwise

from .view import Block, RunState


def whole(state: RunState) -> Block | None:
    """All open positions at once."""
    scope = tuple(state.canvas.writable_positions)
    if not scope:
        return None
    left = max(1, state.steps - state.index)
    return Block(scope, _span(scope), left, 0, state.index)


def until_the_end(state: RunState) -> Block | None:
    """All open positions, as long as written tokens may still be masked again."""
    scope = tuple(state.canvas.writable_positions)
    over = 1 - state.index / state.steps <= state.params.remask_off
    if over or (not scope and not state.canvas.places):
        return whole(state)
    return Block(scope, _span(scope), max(1, state.steps - state.index), 0, state.index)


def chunks(state: RunState) -> Block | None:
    """The first chunk of `block_length` places that is still open."""
    where = state.canvas.places
    size = min(state.params.block_length or len(where), len(where)) or 1
    return _first_open(state, [where[i : i + size] for i in range(0, len(where), size)])


def aligned(state: RunState) -> Block | None:
    """The first open block of a block-causal model, counted from position 0, prompt included."""
    return _first_open(state, aligned_parts(state))


def aligned_parts(state: RunState) -> list[list[int]]:
    """The positions of each block that holds anything but prompt."""
    canvas = state.canvas
    size = state.spec.block_size or state.params.block_length or len(canvas)
    parts = [list(range(i, min(i + size, len(canvas)))) for i in range(0, len(canvas), size)]
    return [part for part in parts if any(not canvas.slots[i].prompt for i in part)]


def revisited(state: RunState) -> Block | None:
    """`aligned`, but a block that is full is looked at again as long as a revision asks for it."""
    parts = aligned_parts(state)
    again = state.carry.get("revisit")
    if again is None or again >= len(parts):
        return aligned(state)
    part = parts[again]
    scope = tuple(sorted(set(part) & set(state.canvas.writable_positions)))
    return Block(scope, (part[0], part[-1] + 1), 1, again)


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

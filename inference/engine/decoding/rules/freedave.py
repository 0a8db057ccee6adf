"""FreeDave: later steps are guessed and checked in one batch; the result is that of single steps.

Source: arXiv 2510.00294; cychomatica/FreeDave, generation/core.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from torch import Tensor

from inference.engine.canvas import Operation
from inference.engine.decoding.blocks import aligned, chunks, up_to_the_border
from inference.engine.decoding.distribution import Distribution
from inference.engine.decoding.quotas import best, nothing
from inference.engine.decoding.recipe import Recipe
from inference.engine.decoding.sources import Reader, Reading, Source
from inference.engine.decoding.view import Block, Drawn, RunState, View

Evaluate = Callable[[Reader, RunState, Block, list[list[int]]], list[Tensor]]
"""Logits [n, V] of the block's open places in each of some canvases."""


def rows_of(state: RunState, block: Block) -> list[list[int]]:
    """The canvas, and then the canvas with ever more of the guessed tokens, one step each."""
    rows = [list(state.canvas.tokens)]
    for guesses in state.carry.get("guesses", []):
        row = list(rows[-1])
        for slot, token in guesses:
            position = state.canvas.position_of.get(slot)
            if position is None or position not in block.scope:
                return rows
            row[position] = token
        rows.append(row)
    return rows


def drafts(evaluate: Evaluate) -> Source:
    """The open places of the block, in the canvas and in all drafts."""

    def read(reader: Reader, state: RunState, block: Block) -> Reading:
        found = evaluate(reader, state, block, rows_of(state, block))
        positions = reader.tensor(list(block.scope))
        return Reading(positions, found[0], (0, len(state.canvas)), beside=found)

    return read


def in_one_batch(
    reader: Reader, state: RunState, block: Block, rows: list[list[int]]
) -> list[Tensor]:
    """One batched forward."""
    return reader.look(rows, block.scope)


def accepted(view: View, drawn: Drawn, operations: list[Operation]) -> list[Operation]:
    """The steps that single steps would have made, as far as the drafts guessed them.

    A draft is accepted if it is what the step from the draft before it leads to. What
    the last accepted draft leads to is written, and its next best tokens are the guesses for the
    following step.
    """
    rows = rows_of(view.state, view.block)
    canvas = rows[0]
    written: dict[int, Write] = {}
    for number, logits in enumerate(view.beside):
        writes, ranked = stepped(view, rows[number], logits)
        written |= {i: write for i, write in writes.items() if i not in written}
        canvas = _with(rows[number], writes)
        looked_at = rows[number]
        following = rows[number + 1] if number + 1 < len(rows) else None
        if following != canvas:
            break
    _guess(view, looked_at, canvas, ranked)
    return [
        {
            "op": "commit",
            "slot": view.canvas.slots[i].id,
            "token": token,
            "p": prob,
            "by": "auto",
        }
        for i, (token, prob) in sorted(written.items())
    ]


Write = tuple[int, float]
"""A token and its probability."""


def stepped(
    view: View, tokens: list[int], logits: Tensor
) -> tuple[dict[int, Write], list[tuple[int, Write]]]:
    """What one step writes to a canvas (position → token), and all open places, best first."""
    mask = view.canvas.mask_id
    scope = view.block.scope
    rows = [row for row, position in enumerate(scope) if tokens[position] == mask]
    judged = Distribution(logits[rows], view.choice.barred)
    chosen = judged.best
    if view.params.temperature > 0:
        uniform = view.uniform_at([scope[row] for row in rows])
        chosen = judged.draw(uniform.to(logits.device), view.params.temperature)
    probs = judged.prob_of(chosen)
    number = [scope[row] // _size(view) for row in rows]
    order = sorted(best(probs, len(rows)).tolist(), key=lambda i: number[i])
    ranked = [(scope[rows[i]], (int(chosen[i]), float(probs[i]))) for i in order]
    # a step writes to the first block that is open
    first = probs[[i for i in order if number[i] == number[order[0]]]] if order else probs
    return dict(ranked[: min(_count(view, first), len(first))]), ranked


def _size(view: View) -> int:
    """Places of a block where drafts run ahead of it; else all that are worked on are of one."""
    ahead = view.params.draft_ahead
    return view.spec.block_size or len(view.canvas) if ahead else len(view.canvas)


def _count(view: View, probs: Tensor) -> int:
    """How many places a step writes: all above the threshold, else the share."""
    if view.params.draft_by == "threshold":
        return max(1, int((probs > view.params.threshold).sum()))
    return view.params.tokens_per_step


def _with(tokens: list[int], writes: dict[int, Write]) -> list[int]:
    found = list(tokens)
    for position, (token, _) in writes.items():
        found[position] = token
    return found


def _guess(
    view: View, looked_at: list[int], canvas: list[int], ranked: list[tuple[int, Write]]
) -> None:
    """The next best tokens of the latest prediction, a step's number for each further draft.

    Where drafts run ahead and a block was full when it was looked at, there are none: what follows
    is guessed anew then.
    """
    carry, slots = view.state.carry, view.canvas.slots
    seen = bool(carry.get("full_unseen")) or _fills(view, view.canvas.tokens, looked_at)
    carry["full_unseen"] = _fills(view, looked_at, canvas)
    if view.params.draft_ahead and seen:
        carry["guesses"] = []
        return
    mask = view.canvas.mask_id
    left = [(slots[i].id, token) for i, (token, _) in ranked if canvas[i] == mask]
    each = 1 if view.params.draft_by == "threshold" else view.params.tokens_per_step
    parts = [left[k : k + each] for k in range(0, len(left), each)]
    carry["guesses"] = [
        [list(pair) for pair in part] for part in parts[: view.params.draft_steps - 1]
    ]


def _fills(view: View, before: list[int], after: list[int]) -> bool:
    """Whether a block that was open in one canvas is full in another."""
    size, mask = _size(view), view.canvas.mask_id
    was = {i // size for i in view.block.scope if before[i] == mask}
    return was != {i // size for i in view.block.scope if after[i] == mask}


def block_and_ahead(state: RunState) -> Block | None:
    """The first open block; with `draft_ahead` those behind it that drafts may reach."""
    block = aligned(state)
    size = state.spec.block_size
    if block is None or size is None or not state.params.draft_ahead:
        return block
    end = block.span[0] + size * (1 + math.ceil(state.params.draft_steps / size))
    scope = tuple(i for i in state.canvas.writable_positions if block.span[0] <= i < end)
    return replace(block, scope=scope)


FREEDAVE = Recipe(quota=nothing, block=chunks, revise=accepted, source=drafts(in_one_batch))
FREEDAVE_BLOCKS = Recipe(
    quota=nothing,
    block=block_and_ahead,
    prepare=up_to_the_border,
    revise=accepted,
    source=drafts(in_one_batch),
)

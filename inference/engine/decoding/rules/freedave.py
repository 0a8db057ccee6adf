"""FreeDave: later steps are guessed and checked in one batch; the result is that of single steps.

Source: arXiv 2510.00294; cychomatica/FreeDave, generation/core.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

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

    A draft is accepted if all of its tokens are part of what the step from the draft before it
    leads to. What the last accepted draft leads to is written, and its next best tokens are the
    guesses for the following step.
    """
    rows = rows_of(view.state, view.block)
    canvas = rows[0]
    written: dict[int, Any] = {}
    for number, logits in enumerate(view.beside):
        writes, ranked = stepped(view, rows[number], logits)
        written |= {i: write for i, write in writes.items() if i not in written}
        canvas = _with(rows[number], writes)
        following = rows[number + 1] if number + 1 < len(rows) else None
        if following is None or not _part_of(view, following, canvas):
            break
    _guess(view, canvas, ranked)
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
    order = best(probs, len(rows)).tolist()
    ranked = [(scope[rows[i]], (int(chosen[i]), float(probs[i]))) for i in order]
    return dict(ranked[: _count(view, probs)]), ranked


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


def _part_of(view: View, draft: list[int], target: list[int]) -> bool:
    mask = view.canvas.mask_id
    return all(token in (mask, target[i]) for i, token in enumerate(draft))


def _guess(view: View, canvas: list[int], ranked: list[tuple[int, Write]]) -> None:
    """The next best tokens of the latest prediction, a step's number for each further draft."""
    mask, slots = view.canvas.mask_id, view.canvas.slots
    left = [(slots[i].id, token) for i, (token, _) in ranked if canvas[i] == mask]
    each = 1 if view.params.draft_by == "threshold" else view.params.tokens_per_step
    parts = [left[k : k + each] for k in range(0, len(left), each)]
    guesses = [[list(pair) for pair in part] for part in parts[: view.params.draft_steps - 1]]
    view.state.carry["guesses"] = guesses


FREEDAVE = Recipe(quota=nothing, block=chunks, revise=accepted, source=drafts(in_one_batch))
FREEDAVE_BLOCKS = Recipe(
    quota=nothing,
    block=aligned,
    prepare=up_to_the_border,
    revise=accepted,
    source=drafts(in_one_batch),
)

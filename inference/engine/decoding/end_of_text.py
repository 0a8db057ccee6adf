"""Ending early: once the text has ended, what is still open behind the end is filled with it."""

from __future__ import annotations

import torch

from ..canvas import Canvas, Operation
from .view import View


def endings(view: View, operations: list[Operation]) -> list[Operation]:
    """Commits of end-of-text to the open places behind a settled end.

    An end is settled when a place of the run holds end-of-text or end-of-turn and none before it is
    open. `view` must hold every place that was read; places that were not read stay open.
    """
    token = view.spec.eos_id if view.spec.eos_id is not None else view.spec.eot_id
    behind = _behind_end(view, view.canvas.apply(operations))
    if token is None or not behind:
        return []
    probs = view.choice.prob_of(torch.full_like(view.positions, token)).tolist()
    slots = [view.canvas.slots[i].id for i in view.positions.tolist()]
    return [
        {"op": "commit", "slot": slot, "token": token, "p": prob, "by": "auto"}
        for slot, prob in zip(slots, probs, strict=True)
        if slot in behind
    ]


def block_is_done(view: View, operations: list[Operation]) -> bool:
    """Whether the block at hand is full after the operations and is not to be looked at again.

    Also where the text has ended before the block, and only the filling is left to do.
    """
    canvas = view.canvas.apply(operations)
    start, end = view.block.span
    size = view.spec.block_size
    if size is not None:  # the block at hand may be a part of the model's
        start, end = start // size * size, (start // size + 1) * size
    left = any(start <= i < end for i in canvas.writable_positions)
    done = not left and view.state.carry.get("revisit") is None
    return done or _ended_before(view, canvas, start)


def _ended_before(view: View, canvas: Canvas, start: int) -> bool:
    behind = _behind_end(view, canvas)
    return (
        bool(behind)
        and min(canvas.position_of[slot] for slot in behind) >= start
        and any(slot.token in _ends(view) and not slot.prompt for slot in canvas.slots[:start])
    )


def _ends(view: View) -> set[int | None]:
    return {view.spec.eos_id, view.spec.eot_id} - {None}


def _behind_end(view: View, canvas: Canvas) -> set[int]:
    """Slots of the open, unlocked places behind the first settled end."""
    ends = _ends(view)
    for place, slot in enumerate(canvas.slots):
        is_open = slot.token == canvas.mask_id and not slot.locked
        if is_open:
            return set()
        if not slot.prompt and slot.token in ends:
            rest = canvas.slots[place:]
            return {s.id for s in rest if s.token == canvas.mask_id and not s.locked}
    return set()

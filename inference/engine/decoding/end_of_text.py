"""Ending early: once the text has ended, what is still open behind the end is filled with it."""

from __future__ import annotations

import torch

from inference.engine.canvas import Canvas, Operation
from inference.engine.decoding.view import View


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


def has_ended(view: View) -> bool:
    """Whether the text had ended before this step, so that there is only filling left to do.

    With `stop_after_block` alone an end counts once its block is behind.
    """
    params = view.params
    if not (params.stop_at_end or params.stop_after_block):
        return False
    behind = _behind_end(view, view.canvas)
    if params.stop_at_end or not behind:
        return bool(behind)
    start = _block_at_hand(view)[0]
    slots = view.canvas.slots[:start]
    return any(slot.token in view.spec.end_ids and not slot.prompt for slot in slots)


def block_is_done(view: View, operations: list[Operation]) -> bool:
    """Whether the block at hand is full after the operations and is not to be looked at again."""
    canvas = view.canvas.apply(operations)
    start, end = _block_at_hand(view)
    left = any(start <= i < end for i in canvas.writable_positions)
    return not left and view.state.carry.get("revisit") is None


def _block_at_hand(view: View) -> tuple[int, int]:
    """The model's block: what a recipe works on may be a part of it."""
    start, end = view.block.span
    size = view.spec.block_size
    return (start // size * size, (start // size + 1) * size) if size else (start, end)


def _behind_end(view: View, canvas: Canvas) -> set[int]:
    """Slots of the open, unlocked places behind the first settled end."""
    ends = view.spec.end_ids
    for place, slot in enumerate(canvas.slots):
        is_open = slot.token == canvas.mask_id and not slot.locked
        if is_open:
            return set()
        if not slot.prompt and slot.token in ends:
            rest = canvas.slots[place:]
            return {s.id for s in rest if s.token == canvas.mask_id and not s.locked}
    return set()

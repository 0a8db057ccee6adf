"""rho-EOS: the share of places that want to be end-of-text lengthens or shortens the canvas.

Source: arXiv 2601.22527; yjyddq/rho-EOS, models/LLaDA_rho_EOS.py.
"""

from __future__ import annotations

import math

from inference.engine.canvas import Canvas, Operation
from inference.engine.decoding.blocks import chunks
from inference.engine.decoding.recipe import Recipe
from inference.engine.decoding.rules.daedal import above_high, room, with_places
from inference.engine.decoding.view import Drawn, View

SEGMENT = 0.1
"""For each such part beyond a bound the change doubles."""
MOST = 8
"""Largest multiple of `expansion_factor`."""


def density(view: View) -> float:
    """The share of the open places whose likeliest token is end-of-text."""
    if view.shadow is None or view.settled is None or view.spec.eos_id is None:
        return 0.5
    mask = view.canvas.mask_id
    rows = [view.canvas.tokens[i] == mask for i in view.settled.tolist()]
    wants = (view.shadow.best == view.spec.eos_id).tolist()
    ends = [want for want, is_open in zip(wants, rows, strict=True) if is_open]
    return sum(ends) / len(ends) if ends else 0.5


def resized(view: View, drawn: Drawn, operations: list[Operation]) -> list[Operation]:
    """More masks where the density is below `rho_low`, fewer places where it is above `rho_high`.

    In the first `rho_steps` steps, and only while something is open.
    """
    after = view.canvas.apply(operations)
    if view.state.index >= view.params.rho_steps or not after.writable_positions:
        return operations
    found = density(view)
    gap = max(view.params.rho_low - found, found - view.params.rho_high)
    if gap <= 0:
        return operations
    count = view.params.expansion_factor * min(MOST, 2 ** (math.ceil(gap / SEGMENT) - 1))
    longer = found < view.params.rho_low
    change = _lengthened if longer else _shortened
    return operations + change(view, after, count)


def _lengthened(view: View, after: Canvas, count: int) -> list[Operation]:
    """Masks before the first end of the text, else behind the last place."""
    count = min(count, room(view))
    if count <= 0:
        return []
    ends = [i for i in after.places if after.slots[i].token == view.spec.eos_id]
    before = ends[0] - 1 if ends else after.places[-1]
    slot = after.slots[before].id if before >= 0 else -1
    return [{"op": "insert", "slot": slot, "new": [view.state.new_slot() for _ in range(count)]}]


def _shortened(view: View, after: Canvas, count: int) -> list[Operation]:
    """Places at the end that are open or hold end-of-text go; at least one place stays."""
    gone: list[Operation] = []
    for position in reversed(after.places[1:]):
        slot = after.slots[position]
        idle = slot.token in (after.mask_id, view.spec.eos_id)
        if len(gone) == count or slot.locked or not idle:
            break
        gone.append({"op": "delete", "slot": slot.id})
    return gone


RHO_EOS = Recipe(quota=above_high, block=chunks, revise=resized, source=with_places, grows=True)

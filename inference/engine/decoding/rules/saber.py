"""Saber: the threshold follows the confidence reached so far; what lost most of it opens again.

Source: arXiv 2510.18165; zhaoyMa/Saber, decoding.py, generate_with_saber.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor

from inference.engine.canvas import Operation
from inference.engine.decoding.blocks import chunks
from inference.engine.decoding.quotas import best
from inference.engine.decoding.recipe import Recipe
from inference.engine.decoding.revisions import revisable
from inference.engine.decoding.rules.daedal import with_places
from inference.engine.decoding.view import Drawn, View


def above_the_mean(view: View, drawn: Drawn, scores: Tensor) -> Tensor:
    """All above the mean confidence at which tokens up to the block's end were written.

    At least `saber_least`; nothing has been written yet: just these.
    """
    known = _written_at(view)
    threshold = sum(known) / len(known) if known else 1.0
    count = int((scores > threshold).sum())
    return best(scores, max(count, view.params.saber_least))


def _written_at(view: View) -> list[float]:
    """The probabilities at which the places up to the block's end were written."""
    held = view.state.carry.get("saber", {}).get("written", {})
    end = view.block.span[1]
    slots = [view.canvas.slots[i] for i in view.canvas.places if i < end]
    return [held[str(slot.id)] for slot in slots if str(slot.id) in held]


def backtracked(view: View, drawn: Drawn, operations: list[Operation]) -> list[Operation]:
    """Tokens whose places' confidence fell most since the step before open again.

    Of k written ones max(least // 2, ceil(k / `saber_per`)), and fewer than k; none where the
    block is full now.
    """
    falls = _remembered(view, operations)
    written = {operation["slot"] for operation in operations}
    full = all(view.canvas.slots[i].id in written for i in view.block.scope)
    if full:
        return operations
    made = max(view.params.saber_least, len(operations))
    count = max(view.params.saber_least // 2, -(-made // view.params.saber_per))
    count = min(count, len(operations) - 1, len(falls))
    again = sorted(position for _, position in sorted(falls)[: max(0, count)])
    return operations + [{"op": "remask", "slot": view.canvas.slots[i].id} for i in again]


def _remembered(view: View, operations: list[Operation]) -> list[tuple[float, int]]:
    """Notes this step's confidences; the change of each place that stood before, and where."""
    carry: dict[str, Any] = view.state.carry.get("saber", {})
    last, written = carry.get("last", {}), dict(carry.get("written", {}))
    written |= {str(op["slot"]): op["p"] for op in operations if op["op"] == "commit"}
    now: dict[str, float] = {}
    falls: list[tuple[float, int]] = []
    if view.shadow is not None and view.settled is not None:
        pairs = zip(view.settled.tolist(), view.shadow.p1.tolist(), strict=True)
        for position, confidence in pairs:
            name = str(view.canvas.slots[position].id)
            now[name] = confidence
            if position < view.block.span[1] and revisable(view, position):
                falls.append((confidence - last.get(name, 0.0), position))
    view.state.carry["saber"] = {"last": now, "written": written}
    return falls


SABER = Recipe(quota=above_the_mean, block=chunks, revise=backtracked, source=with_places)

"""DAEDAL: the canvas grows while end-of-text is not in sight, and where a place is hopeless.

Source: arXiv 2508.00819; Li-Jinsong/DAEDAL, models/LLaDA_DAEDAL.py.
"""

from __future__ import annotations

from torch import Tensor

from inference.engine.canvas import Operation
from inference.engine.decoding.blocks import chunks
from inference.engine.decoding.quotas import best
from inference.engine.decoding.recipe import Recipe
from inference.engine.decoding.sources import Reader, Reading, guided
from inference.engine.decoding.view import Block, Drawn, RunState, View


def with_places(reader: Reader, state: RunState, block: Block) -> Reading:
    """All open positions, and every place of the run whether written or not."""
    open_now, places = state.canvas.writable_positions, state.canvas.places
    logits = guided(reader, state, reader.tensor(open_now + places))
    count = len(open_now)
    return Reading(
        reader.tensor(open_now),
        logits[:count],
        (0, len(state.canvas)),
        reader.tensor(places),
        logits[count:],
    )


def sized_first(state: RunState) -> Block | None:
    """Nothing to write while the length is being found; then the first open block."""
    block = chunks(state)
    if block is None or state.carry.get("sized"):
        return block
    return Block((), block.span, 1)


def end_confidence(view: View) -> float:
    """How sure the right end is of end-of-text, 0 to 1.

    From the right over the first `eos_check` places whose likeliest token is end-of-text: the sum
    of its probability over `eos_check`, also where there are fewer.
    """
    if view.shadow is None or view.spec.eos_id is None:
        return 1.0
    probs = view.shadow.p1.flip(0)[view.shadow.best.flip(0) == view.spec.eos_id]
    return float(probs[: view.params.eos_check].sum()) / view.params.eos_check


def above_high(view: View, drawn: Drawn, scores: Tensor) -> Tensor:
    """Every place above `threshold`, else the best."""
    return best(scores, max(1, int((scores > view.params.threshold).sum())))


def grow(view: View, drawn: Drawn, operations: list[Operation]) -> list[Operation]:
    """The first steps find the length; afterwards a hopeless place may become many masks."""
    if not view.state.carry.get("sized"):
        return _sized(view)
    return operations + _expanded(view, drawn, operations)


def room(view: View) -> int:
    """How many places the canvas may gain."""
    places = len(view.canvas.places)
    most = view.params.max_new_tokens or places
    return max(0, min(most - places, view.spec.context - len(view.canvas)))


def _sized(view: View) -> list[Operation]:
    """More masks behind the last place, or, in the last of these steps, a few ends of the text."""
    params, left = view.params, room(view)
    last = view.canvas.slots[view.canvas.places[-1]].id
    if end_confidence(view) < params.eos_grow and left > 0:
        count = min(params.expansion_factor, left)
        return [{"op": "insert", "slot": last, "new": _new(view, count)}]
    view.state.carry["sized"] = True
    new = _new(view, min(params.eos_check // 2, left))
    if not new or view.spec.eos_id is None:
        return []
    token = {"op": "commit", "token": view.spec.eos_id, "p": 1.0, "by": "auto"}
    added: list[Operation] = [{"op": "insert", "slot": last, "new": new}]
    return added + [{**token, "slot": slot} for slot in new]


def _new(view: View, count: int) -> list[int]:
    return [view.state.new_slot() for _ in range(count)]


def _expanded(view: View, drawn: Drawn, operations: list[Operation]) -> list[Operation]:
    """The least confident place of the block, below `low_threshold`, becomes several masks.

    Only while the end is not confident and there is room; what exceeds it is cut at the right,
    the new masks too where nothing stands behind them.
    """
    params, left = view.params, room(view)
    place = _hopeless(view, drawn, operations)
    if place is None or left == 0 or end_confidence(view) >= params.eos_expand:
        return []
    free = [i for i in view.canvas.places if i > place and not view.canvas.slots[i].locked]
    count = min(params.expansion_factor - 1, left + len(free))
    insert: Operation = {
        "op": "insert",
        "slot": view.canvas.slots[place].id,
        "new": _new(view, count),
    }
    gone = free[-(count - left) :] if count > left else []
    cut: list[Operation] = [{"op": "delete", "slot": view.canvas.slots[i].id} for i in gone]
    return [insert, *cut]


def _hopeless(view: View, drawn: Drawn, operations: list[Operation]) -> int | None:
    """The position of the least confident place that is not written now, if below the bound."""
    written = {operation["slot"] for operation in operations}
    found = [
        (prob, position)
        for prob, position in zip(drawn.probs.tolist(), view.positions.tolist(), strict=True)
        if view.canvas.slots[position].id not in written and prob < view.params.low_threshold
    ]
    return min(found)[1] if found else None


DAEDAL = Recipe(
    quota=above_high,
    block=sized_first,
    revise=grow,
    source=with_places,
    grows=True,
)

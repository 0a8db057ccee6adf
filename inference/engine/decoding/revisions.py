"""Revisions: what else happens in a step, to tokens that stand already or to the canvas itself.

Each takes the view, the draw and the operations that the step has so far, and returns all of the
step's operations.
"""

from __future__ import annotations

from inference.engine.canvas import Operation
from inference.engine.decoding.allowed_tokens import expansions_left
from inference.engine.decoding.view import Drawn, View


def revisable(view: View, position: int) -> bool:
    """Whether a place holds a token of the run's own that is not locked."""
    slot = view.canvas.slots[position]
    return not slot.prompt and not slot.locked and slot.token != view.canvas.mask_id


def edit(view: View, drawn: Drawn, operations: list[Operation]) -> list[Operation]:
    """LLaDA2.1: a written token gives way to another whose probability exceeds `edit_threshold`.

    A full block is looked at again until nothing changes, at most `max_post_steps` times.
    """
    edits = _edits(view)
    _revisit(view, operations, edits)
    return operations + edits


def _edits(view: View) -> list[Operation]:
    if view.settled is None or view.shadow is None:
        return []
    found = []
    tokens, probs = view.shadow.best.tolist(), view.shadow.p1.tolist()
    for position, token, prob in zip(view.settled.tolist(), tokens, probs, strict=True):
        slot = view.canvas.slots[position]
        changed = token != slot.token and prob > view.params.edit_threshold
        if changed and revisable(view, position):
            found.append({"op": "edit", "slot": slot.id, "token": token, "p": prob, "by": "auto"})
    return found


def _revisit(view: View, operations: list[Operation], edits: list[Operation]) -> None:
    """Notes in the carry whether the block is to be looked at once more."""
    carry = view.state.carry
    left = len(view.block.scope) - sum(op["op"] == "commit" for op in operations)
    posts = carry.get("posts", 0) + 1 if not view.block.scope else 0
    changed = bool(operations or edits)
    again = left > 0 or (changed and posts < view.params.max_post_steps)
    carry["revisit"] = view.block.index if again else None
    carry["posts"] = posts if again else 0


def resize(view: View, drawn: Drawn, operations: list[Operation]) -> list[Operation]:
    """DreamOn: an expand token makes its mask two, a delete token takes its place away.

    Nothing is written in either case, and the canvas keeps the identity of every other place. With
    `pad_delete_to_right` a delete token takes the open places of its gap to the right with it.
    """
    result: list[Operation] = []
    for operation in _affordable(view, operations):
        result.extend(_resized(view, operation))
    return _without_repeats(result)


def _affordable(view: View, operations: list[Operation]) -> list[Operation]:
    """Without the expansions that exceed the bounds: many in one step must keep to them too."""
    if view.params.official:
        return operations
    expanding = [operation for operation in operations if _expands(view, operation)]
    surplus = {operation["slot"] for operation in expanding[expansions_left(view.state) :]}
    return [operation for operation in operations if operation["slot"] not in surplus]


def _expands(view: View, operation: Operation) -> bool:
    return operation["op"] == "commit" and bool(operation["token"] == view.spec.expand_id)


def _resized(view: View, operation: Operation) -> list[Operation]:
    slot, token = operation["slot"], operation.get("token")
    if _expands(view, operation):
        view.state.carry["expansions"] = view.state.carry.get("expansions", 0) + 1
        return [{"op": "insert", "slot": slot, "new": [view.state.new_slot()]}]
    if operation["op"] == "commit" and token == view.spec.delete_id:
        view.state.carry["shrunk"] = True
        return [{"op": "delete", "slot": gone} for gone in _deleted(view, slot)]
    return [operation]


def _deleted(view: View, slot: int) -> list[int]:
    """The slot itself and, if asked, the open ones to its right in the same gap of the prompt."""
    if not view.params.pad_delete_to_right:
        return [slot]
    gone = []
    for other in view.canvas.slots[view.canvas.position_of[slot] :]:
        if other.prompt:
            break
        if other.token == view.canvas.mask_id and not other.locked:
            gone.append(other.id)
    return gone


def _without_repeats(operations: list[Operation]) -> list[Operation]:
    """Each place is deleted once and not touched afterwards."""
    gone: set[int] = set()
    kept = []
    for operation in operations:
        if operation["slot"] not in gone:
            kept.append(operation)
        if operation["op"] == "delete":
            gone.add(operation["slot"])
    return kept

"""What one branch can take over from another: tokens for its masks, places gained and lost.

A slot id means one place of the session on every branch, so places are compared by id alone.
"""

from __future__ import annotations

from collections.abc import Iterator

from inference.engine.canvas import Canvas, Operation
from visualizer.models import Branch, Session
from visualizer.selectors.history import (
    StateRef,
    branches_of,
    head_of,
    start_of,
    state_at,
    steps_on,
    tip,
)


def taken_over(session: Session, canvas: Canvas, branch: Branch) -> list[Operation]:
    """Operations that fill the head's masks from the end of a branch, its edits included.

    `canvas` is the head's. A place that only the branch gained comes along when it holds a token;
    an open place that only the branch lost goes.
    """
    end = StateRef(branch.pk, tip(branch))
    other = state_at(session, end)
    here, there = _places_ever(session, head_of(session)), _places_ever(session, end)
    return [
        *_held(canvas, other),
        *_gained(canvas, other, here),
        *_lost(canvas, other, there),
    ]


def _places_ever(session: Session, ref: StateRef) -> set[int]:
    """Ids of all places that the line of a state has had, those gone again too."""
    steps = steps_on(branches_of(session), ref).values_list("operations", flat=True)
    added = {new for step in steps for operation in step for new in operation.get("new", ())}
    return {slot.id for slot in start_of(session).slots} | added


def _writing(slot: int, token: int) -> Operation:
    return {"op": "commit", "slot": slot, "token": token, "p": None, "by": "hand"}


def _held(canvas: Canvas, other: Canvas) -> Iterator[Operation]:
    held = {slot.id: slot.token for slot in other.slots if slot.token != other.mask_id}
    for position in canvas.writable_positions:
        slot = canvas.slots[position].id
        if slot in held:
            yield _writing(slot, held[slot])


def _gained(canvas: Canvas, other: Canvas, here: set[int]) -> Iterator[Operation]:
    before = -1
    for slot in other.slots:
        if slot.id not in here and slot.token != other.mask_id:
            yield {"op": "insert", "slot": before, "new": [slot.id], "p": None, "by": "hand"}
            yield _writing(slot.id, slot.token)
            before = slot.id
        elif slot.id in canvas.position_of:
            before = slot.id


def _lost(canvas: Canvas, other: Canvas, there: set[int]) -> Iterator[Operation]:
    for position in canvas.writable_positions:
        slot = canvas.slots[position].id
        if slot in there and slot not in other.position_of:
            yield {"op": "delete", "slot": slot, "p": None, "by": "hand"}

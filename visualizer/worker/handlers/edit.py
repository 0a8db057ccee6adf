"""Steering by hand: open again, lock, insert, delete, merge. Each is one step."""

from __future__ import annotations

from typing import Any

from core.worker.executor import Write
from inference.engine.canvas import Canvas, Operation
from inference.errors import UnmaskError
from visualizer.commands.requests import Request
from visualizer.models import Session
from visualizer.selectors import branch_for, head_of, state_at, state_update
from visualizer.services.forwards import carry_forward
from visualizer.services.staging import restage
from visualizer.services.steps import NewStep, apply_at_head
from visualizer.worker.handlers.apply import edited
from visualizer.worker.merging import taken_over
from visualizer.worker.session_model import model_of
from visualizer.worker.slots import check_room, length_after, unused_slot

NOTHING_TO_TAKE = (
    "That branch has nothing for the masks here: it holds a token at none of them. "
    "Choose another branch, or go back to an earlier step."
)

_LOCKS = ("lock", "unlock")


def remask(request: Request) -> Write:
    """state_update: the positions are open again."""
    return _on_positions(request, "remask")


def lock(request: Request) -> Write:
    """state_update: nothing may write to the positions; what is staged elsewhere stays."""
    return _on_positions(request, "lock")


def unlock(request: Request) -> Write:
    """state_update: the positions may be written again."""
    return _on_positions(request, "unlock")


def delete(request: Request) -> Write:
    """state_update: the positions are gone."""
    _needs_free_length(request.session)
    return _on_positions(request, "delete")


def insert(request: Request) -> Write:
    """state_update: new masks stand after the position."""
    _needs_free_length(request.session)

    def write() -> dict[str, Any]:
        session, message = request.session, request.message
        canvas = state_at(session)
        after = -1 if message.position == -1 else _slot(canvas, message.position, "position")
        if after == -1 and canvas.prompt_length:
            raise UnmaskError("validation", "Nothing can stand before the prompt.", "position")
        first = unused_slot(session)
        new = list(range(first, first + message.count))
        operations = [{"op": "insert", "slot": after, "new": new}]
        check_room(session, length_after(canvas, operations), "count")
        return _step(request, canvas, operations, "insert", "position")

    return write


def merge(request: Request) -> Write:
    """state_update: masks take what the end of another branch holds, places gained or lost too."""

    def write() -> dict[str, Any]:
        session = request.session
        branch = branch_for(session, request.message.branch)
        canvas = state_at(session)
        operations = edited(session, taken_over(session, canvas, branch))
        if not operations:
            raise UnmaskError("validation", NOTHING_TO_TAKE, "branch")
        check_room(session, length_after(canvas, operations), "branch")
        return _step(request, canvas, operations, "merge", "branch")

    return write


def _on_positions(request: Request, operation: str) -> Write:
    def write() -> dict[str, Any]:
        canvas = state_at(request.session)
        slots = [_slot(canvas, position, "positions") for position in request.message.positions]
        if len(set(slots)) < len(slots):
            raise UnmaskError("validation", "A position is named twice.", "positions")
        operations = [{"op": operation, "slot": slot} for slot in slots]
        return _step(request, canvas, operations, operation, "positions")

    return write


def _step(
    request: Request, canvas: Canvas, operations: list[Operation], recipe: str, field: str
) -> dict[str, Any]:
    """`canvas` is the head's; `field` is what the request calls the slots of the operations."""
    session, former, staged = request.session, head_of(request.session), request.session.staged
    try:
        new = NewStep(operations, recipe=recipe)
        apply_at_head(session=session, new=new, before=canvas)
    except UnmaskError as error:
        named = field if error.field == "slot" else error.field
        raise UnmaskError(error.error_type, error.message, named) from None
    after = canvas.apply(operations)
    if recipe in _LOCKS:  # no token has changed, so the pass and what was chosen still hold
        carry_forward(session=session, source=former, ref=head_of(session))
        restage(session=session, staged=staged, canvas=after)
    return state_update(session, request.brief, canvas=after)


def _slot(canvas: Canvas, position: int, field: str) -> int:
    last = len(canvas) - 1
    if position > last:
        raise UnmaskError(
            "validation", f"Position {position} is beyond the last one, {last}.", field
        )
    return canvas.slots[position].id


def _needs_free_length(session: Session) -> None:
    spec = model_of(session).spec
    if spec.length != "edits":
        raise UnmaskError(
            "validation",
            "This model works on a canvas of fixed length. Use remask instead.",
            "type",
        )

"""Ids of places that come into a canvas: no two branches of a session use one for two places."""

from __future__ import annotations

from inference.engine.canvas import Canvas, Operation
from inference.errors import UnmaskError
from visualizer.models import Session, Step


def unused_slot(session: Session) -> int:
    """An id above every slot that any branch of the session ever had.

    Whoever holds the session's lease may use it and those after it: nobody else adds places then.
    """
    last = len(session.prompt_ids) + session.gen_length - 1
    steps = Step.objects.filter(branch__session=session).values_list("operations", flat=True)
    added: list[int] = [new for step in steps for op in step for new in op.get("new", ())]
    newest: int = max([last, *added])
    return newest + 1


def length_after(canvas: Canvas, operations: list[Operation]) -> int:
    """How many places the canvas has after the operations."""
    gone: int = sum(operation["op"] == "delete" for operation in operations)
    come: int = sum(len(operation.get("new", ())) for operation in operations)
    return len(canvas) - gone + come


def check_room(session: Session, length: int, field: str) -> None:
    """Raises UnmaskError (validation) naming the field if the model's context is shorter."""
    context = session.model.context
    if context and length > context:
        raise UnmaskError("validation", f"The model's context is {context} tokens.", field)

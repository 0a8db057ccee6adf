"""Notes on steps."""

from __future__ import annotations

from typing import Any

from visualizer.commands.requests import Request
from visualizer.selectors import StateRef, branch_for, head_of
from visualizer.selectors.history import check_ref
from visualizer.services.notes import write_note


def note(request: Request) -> dict[str, Any]:
    """note_changed: the note as it is now; an empty text means that there is none."""
    session, message = request.session, request.message
    head = head_of(session)
    branch = branch_for(session, message.branch).pk if message.branch else head.branch
    ref = StateRef(branch, head.number if message.step is None else message.step)
    check_ref(session, ref)
    return {"type": "note_changed", "note": write_note(session=session, ref=ref, text=message.text)}

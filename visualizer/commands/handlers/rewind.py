"""Looking at other steps."""

from __future__ import annotations

from typing import Any

from visualizer.commands.requests import Request
from visualizer.selectors import StateRef, branch_for, head_of, state_update
from visualizer.services.heads import rewind as move


def rewind(request: Request) -> dict[str, Any]:
    """state_update of the step that is looked at now."""
    session, message = request.session, request.message
    branch = head_of(session).branch
    if message.branch is not None:
        branch = branch_for(session, message.branch).pk
    move(session=session, ref=StateRef(branch, message.step))
    return state_update(session, request.brief)

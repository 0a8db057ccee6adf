"""Hand-picked tokens beside the canvas."""

from __future__ import annotations

from typing import Any

from visualizer.commands.requests import Request
from visualizer.selectors import event_payloads
from visualizer.services.staging import stage as keep


def stage(request: Request) -> dict[str, Any]:
    """staged: all picks that lie beside the canvas now."""
    session, message = request.session, request.message
    keep(session=session, picks=message.selections, by="hand", replace=message.replace)
    return {"type": "staged", **event_payloads.staged_payload(session)}

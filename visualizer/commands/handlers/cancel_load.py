"""Giving up a loading that takes too long."""

from __future__ import annotations

from typing import Any

from inference.errors import UnmaskError
from inference.registry import cancel_load as ask_for_the_end
from visualizer.commands.requests import Request
from visualizer.models import Command


def cancel_load(request: Request) -> dict[str, Any]:
    """load_cancelled: whoever loads it gives up, and answers the load_model with an error."""
    path = request.message.model_path
    if not request.user.is_staff:
        _check(request.user, path)
    if not ask_for_the_end(path):
        raise UnmaskError("conflict", "This model is not being loaded now.", "model_path")
    return {"type": "load_cancelled", "model_path": path}


def _check(user: Any, path: str) -> None:
    """Only who asked for a loading may end it, and only if nobody else waits for it."""
    asked = Command.objects.filter(
        type="load_model", state=Command.State.PENDING, message__model_path=path
    )
    if not asked.filter(user=user).exists():
        raise UnmaskError("conflict", "You are not waiting for this model.", "model_path")
    if asked.exclude(user=user).exists():
        raise UnmaskError("conflict", "Somebody else waits for this model too.", "model_path")

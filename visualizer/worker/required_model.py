"""The model that a task requires: known before it begins, so that loading never blocks others."""

from __future__ import annotations

from functools import lru_cache
from uuid import UUID

from inference.models import ModelEntry
from visualizer.models import Calibration, Command, Generation, Session


def model_of_session(session_id: UUID | str) -> str | None:
    """The slug of the session's model, which never changes."""
    try:
        return _model_of(str(session_id))
    except Session.DoesNotExist:
        return None


@lru_cache(maxsize=4096)
def _model_of(session_id: str) -> str:
    return str(Session.objects.values_list("model__slug", flat=True).get(pk=session_id))


def model_of_command(command_id: int) -> str | None:
    """The slug that a command without a session names, or that of the default model.

    None where nothing has to be loaded beforehand.
    """
    rows = Command.objects.filter(pk=command_id).values_list("message", flat=True)
    message = rows.first() or {}
    if message.get("device", "auto") != "auto":
        return None  # its handler loads it where it is wanted
    named = message.get("model_path") or message.get("model")
    default = ModelEntry.objects.filter(is_default=True).values_list("slug", flat=True)
    return str(named) if named else default.first()


def model_of_generation(generation_id: UUID | str) -> str | None:
    """The slug of the generation's model."""
    rows = Generation.objects.filter(pk=generation_id)
    return rows.values_list("model__slug", flat=True).first()


def model_of_calibration(calibration_id: UUID | str) -> str | None:
    """The slug of the calibration's model."""
    rows = Calibration.objects.filter(pk=calibration_id)
    return rows.values_list("model__slug", flat=True).first()

"""A user's presets."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from inference.errors import UnmaskError
from visualizer.models import Preset


def presets_of(user: Any) -> QuerySet[Preset]:
    """The user's presets by name."""
    return Preset.objects.filter(owner=user).order_by("name")


def preset_for(user: Any, name: str) -> Preset:
    """The user's preset of this name. Raises not_found for everybody else's."""
    preset = presets_of(user).filter(name=name).first()
    if preset is None:
        raise UnmaskError("not_found", "You have no preset of this name.", "name")
    return preset


def preset_payload(preset: Preset) -> dict[str, Any]:
    """What is told of a preset."""
    return {
        "name": preset.name, "values": preset.values, "updated": preset.updated.isoformat(),
    }  # fmt: skip

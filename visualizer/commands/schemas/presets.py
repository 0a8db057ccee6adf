"""Messages about presets."""

from __future__ import annotations

from pydantic import Field

from core.commands.fields import Message
from visualizer.presets import PresetValues


def name_field() -> str:
    field: str = Field(min_length=1, max_length=100, pattern=r"\S", description="its name")
    return field


class SavePreset(Message):
    """Keep settings under a name, instead of what had that name before."""

    name: str = name_field()
    values: PresetValues


class DeletePreset(Message):
    """Forget a preset."""

    name: str = name_field()


class ListPresets(Message):
    """Your presets by name."""

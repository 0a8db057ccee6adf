"""Presets: settings that a user has named."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from inference.errors import UnmaskError
from visualizer.models import Preset
from visualizer.presets import PresetValues
from visualizer.selectors.presets import preset_for

MOST = 200
"""Presets that one account may have."""


@transaction.atomic
def save_preset(*, owner: Any, name: str, values: PresetValues) -> Preset:
    """Keep the values under a name, instead of what had that name before."""
    others = Preset.objects.filter(owner=owner).exclude(name=name)
    if others.count() >= MOST:
        raise UnmaskError("conflict", f"You have {MOST} presets. Delete one first.")
    held = values.model_dump(exclude_none=True, mode="json")
    preset, _ = Preset.objects.update_or_create(owner=owner, name=name, defaults={"values": held})
    return preset


def delete_preset(*, owner: Any, name: str) -> None:
    """Forget a preset. Raises UnmaskError (not_found) if the user has none of this name."""
    preset_for(owner, name).delete()

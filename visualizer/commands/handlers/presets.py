"""Saving, deleting and listing presets."""

from __future__ import annotations

from typing import Any

from visualizer.commands.requests import Request
from visualizer.selectors.presets import preset_payload, presets_of
from visualizer.services import presets


def save_preset(request: Request) -> dict[str, Any]:
    """preset_list, with the new one in it."""
    message = request.message
    presets.save_preset(owner=request.user, name=message.name, values=message.values)
    return list_presets(request)


def delete_preset(request: Request) -> dict[str, Any]:
    """preset_list, without the one that is gone."""
    presets.delete_preset(owner=request.user, name=request.message.name)
    return list_presets(request)


def list_presets(request: Request) -> dict[str, Any]:
    """preset_list: all presets of the user."""
    return {"type": "preset_list", "presets": list(map(preset_payload, presets_of(request.user)))}

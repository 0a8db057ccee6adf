"""Loading models."""

from __future__ import annotations

from typing import Any

from core.worker.executor import Write
from inference import registry, runtime
from inference.models import ModelEntry
from inference.runtime import devices, model_state
from visualizer.commands.requests import Request


def load_model(request: Request) -> Write:
    """model_load_result: the model is in this worker's memory, and its row says so from now on."""
    entry = registry.resolve(request.message.model_path, request.user, "model_path")
    _load(entry, request.message.device)

    def write() -> dict[str, Any]:
        model_state.still_loaded(entry.slug)
        return {
            "type": "model_load_result",
            "success": True,
            "model_path": entry.slug,
            "error": None,
        }

    return write


def _load(entry: ModelEntry, device: str) -> None:
    """On the device that was asked for; a model that is held on another one moves there."""
    with devices.asked_for(device):
        held = runtime.get(entry.slug)
        if device != "auto" and held is not None and held.device.type != device:
            runtime.unload(entry.slug)
        runtime.load(entry)

"""Loading models."""

from __future__ import annotations

from typing import Any

from core.worker.executor import Write
from inference import registry, runtime
from inference.runtime import model_state
from visualizer.commands.requests import Request


def load_model(request: Request) -> Write:
    """model_load_result: the model is in this worker's memory, and its row says so from now on."""
    entry = registry.resolve(request.message.model_path)
    runtime.load(entry)

    def write() -> dict[str, Any]:
        model_state.still_loaded(entry.slug)
        return {
            "type": "model_load_result",
            "success": True,
            "model_path": entry.slug,
            "error": None,
        }

    return write

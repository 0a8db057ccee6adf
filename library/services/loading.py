"""Loading and giving up models in everybody's name: what the page and the routes ask for."""

from __future__ import annotations

from typing import Any

from core.commands.ask import ask_now
from core.commands.submit import submit
from core.commands.table import Channel
from inference import registry
from inference.errors import UnmaskError
from inference.models import ModelEntry
from library.services.access import require_manager
from visualizer.api import model_list
from visualizer.commands import COMMANDS


def begin(*, user: Any, slug: str, device: str) -> None:
    """Have a worker load a model, and make it the account's own; nobody waits here.

    Raises UnmaskError for a model that cannot be loaded, or no device of that name.
    """
    entry = registry.resolve(slug, user)
    if entry.kind == ModelEntry.Kind.REMOTE:
        raise UnmaskError("validation", f"{entry.label} answers on another server.", "model")
    message = {"type": "load_model", "model_path": entry.slug, "device": device}
    submit(COMMANDS, user=user, channel=Channel.FORM, message=message)
    if entry.kind == ModelEntry.Kind.DIFFUSION:
        model_list.choose(user, entry)


def cancel(*, user: Any, slug: str) -> None:
    """Give up a load under way. Raises UnmaskError where others wait for it too."""
    ask_now(COMMANDS, user, {"type": "cancel_load", "model_path": slug})


def unload(*, user: Any, slug: str) -> None:
    """Have all workers give a model up after what they compute with it. Raises UnmaskError."""
    require_manager(user)
    registry.request_unload(registry.resolve(slug, user).slug)

"""The models that conversations are offered, the one that they begin with first."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from inference.errors import UnmaskError
from inference.models import ModelEntry
from inference.packages import PACKAGED


def models_for_chat(user: Any) -> list[ModelEntry]:
    """Models on this machine, the user's own too: the one that the site names is the first.

    Then come those that know conversations: the packaged autoregressive one before the diffusion
    models that were taught to answer (`chat` on their card). Those that only continue come last.
    """
    rows = ModelEntry.visible_to(user).exclude(state=ModelEntry.State.ABSENT)
    return sorted(rows, key=_rank)


def _rank(entry: ModelEntry) -> tuple[bool, bool, bool, bool, str]:
    named = entry.slug == settings.DEFAULT_MODEL
    taught = bool(entry.card.get("chat"))
    failed = entry.state == ModelEntry.State.FAILED
    last = (not taught, not entry.is_default, entry.label)
    return (failed or not named, failed or entry.slug not in PACKAGED, *last)


def default_for_chat(user: Any) -> ModelEntry:
    """The model of a conversation that names none. Raises UnmaskError when there is none here."""
    models = models_for_chat(user)
    if not models:
        raise UnmaskError("model_unavailable", "No model is installed. Add one to MODELS_DIR.")
    return models[0]

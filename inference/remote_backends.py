"""Servers elsewhere that answer for the site: declared in settings, never by a user.

Web-safe: what each server can do, as pages and checks of requests need it. Workers ask them
(`library.worker.remote`).
"""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings

from inference.errors import UnmaskError
from inference.models import ModelEntry
from inference.remote_kinds import SEPARATOR, RemoteBackend

__all__ = ["RemoteBackend", "backend_of", "backends", "diffuses", "lacks"]


def backends() -> Sequence[RemoteBackend]:
    found: Sequence[RemoteBackend] = settings.REMOTE_BACKENDS
    return found


def backend_of(entry: ModelEntry) -> RemoteBackend:
    """The server that answers for a model. Raises UnmaskError (model_unavailable)."""
    name = entry.slug.partition(SEPARATOR)[0]
    found = next((one for one in backends() if one.name == name), None)
    if found is None or entry.kind != ModelEntry.Kind.REMOTE:
        raise UnmaskError(
            "model_unavailable", f"The server of {entry.label} is no longer declared here.", "model"
        )
    return found


def diffuses(entry: ModelEntry) -> bool:
    """Whether its server tells of the canvas of this model, step by step."""
    return bool(entry.card.get("remote", {}).get("diffuses"))


def lacks(entry: ModelEntry) -> list[str]:
    """What cannot be done with a model because it answers elsewhere, as sentences."""
    about = backend_of(entry).about
    told = ["Its answers cannot be steered token by token: its logits stay on the other server."]
    if not diffuses(entry):
        told.append("It cannot fill gaps, and shows no states between.")
    if not about.logprobs:
        told.append("It tells no log-probabilities.")
    told.append("A stopped answer cannot be continued, only asked for again.")
    return told

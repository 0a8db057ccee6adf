"""The declared servers elsewhere, with what is known of each."""

from __future__ import annotations

from dataclasses import dataclass

from inference.models import ModelEntry
from inference.registry import living_workers
from inference.remote_backends import RemoteBackend, backends


@dataclass(frozen=True, slots=True)
class Server:
    """`models`: how many it offers. `error`: why it does not answer, or ""."""

    name: str
    label: str
    models: int
    error: str


def servers() -> list[Server]:
    return [_server(backend) for backend in backends()]


def _server(backend: RemoteBackend) -> Server:
    rows = ModelEntry.objects.filter(
        kind=ModelEntry.Kind.REMOTE, slug__startswith=backend.slug("")
    ).exclude(state=ModelEntry.State.ABSENT)
    failed = rows.filter(state=ModelEntry.State.FAILED).values_list("error", flat=True).first()
    count = rows.count()
    error = failed or _fault(backend.name) or ("" if count else "It has not answered yet.")
    return Server(backend.name, backend.about.label, count, error)


def _fault(name: str) -> str:
    """Why a worker got no list of it, or leaves it alone for a while."""
    told = [beat.metrics.get("servers", {}).get(name, "") for beat in living_workers()]
    return next(filter(None, told), "")

"""Which models the declared servers have: asked once a minute, kept in rows."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

from inference.errors import UnmaskError
from inference.remote_backends import RemoteBackend, backends
from inference.worker import heartbeat
from inference.worker.timers import every
from library.services import remote
from library.worker.remote import client
from library.worker.threads import ANSWERS

REFRESH_SECONDS = 60.0
SECONDS = 5.0
MOST_MODELS = 200
FAULTS: dict[str, str] = {}
"""Why a server did not list its models when it was asked last."""
ID = re.compile(r"[\w./@+-]{1,150}(:[\w.-]{1,40})?")
"""What a server may call a model; anything else is passed over."""


def faults() -> dict[str, str]:
    """What the worker's row tells of servers: no model can, of one that has never answered."""
    return FAULTS | client.left_alone(backend.name for backend in backends())


heartbeat.TOLD["servers"] = faults


@every(REFRESH_SECONDS)
def refresh() -> None:
    """Ask all servers beside the timers, which must not wait."""
    declared = backends()
    remote.forget_undeclared([backend.name for backend in declared])
    for backend in declared:
        ANSWERS.put(f"models of {backend.name}", partial(refresh_one, backend))


def refresh_one(backend: RemoteBackend) -> None:
    """Bring the rows of one server in line with what it lists."""
    try:
        listed = models_of(backend)
    except UnmaskError as error:
        FAULTS[backend.name] = error.message
        remote.store_failure(backend, error.message)
    else:
        FAULTS.pop(backend.name, None)
        remote.store_listing(backend, listed)


def models_of(backend: RemoteBackend) -> list[dict[str, Any]]:
    """`id`, `context` and `diffuses` of what the server lists, and its settings offer.

    Raises UnmaskError.
    """
    told = client.read_json(backend, "/v1/models", SECONDS)
    try:
        rows = [_row(backend, one) for one in told["data"][:MOST_MODELS]]
    except (KeyError, TypeError, AttributeError):
        raise client.junk(backend) from None
    found = [row for row in rows if ID.fullmatch(row["id"])]
    return [row for row in found if not backend.models or row["id"] in backend.models]


def _row(backend: RemoteBackend, one: Any) -> dict[str, Any]:
    """vLLM and SGLang name the context `max_model_len`; an Unmask tells the kind of model too."""
    lengths = (one.get("max_model_len"), one.get("context_length"))
    context = next((n for n in lengths if isinstance(n, int) and 0 < n < 2**31), 0)
    diffuses = backend.about.drafts and one.get("kind") == "diffusion"
    return {"id": str(one["id"]), "context": context, "diffuses": diffuses}

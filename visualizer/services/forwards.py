"""Keeping what a forward pass said."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from inference.events import publish
from visualizer.models import Digest, Session
from visualizer.selectors import events
from visualizer.selectors.history import Place, home_of


@transaction.atomic
def keep_forward(
    *,
    session: Session,
    place: Place,
    data: bytes,
    summary: dict[str, Any],
    settings: dict[str, Any],
) -> Digest:
    """Keep the digest of the forward pass over a state and tell of it.

    A second pass over the same state says the same; it replaces the row.
    """
    where = home_of(session, place)
    digest, _ = Digest.objects.update_or_create(
        branch_id=where.branch,
        number=where.number,
        defaults={"data": data, "summary": summary, "settings": settings},
    )
    publish(session.stream_id, "forward", events.forward_payload(digest))
    return digest

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
    replace: bool = True,
) -> None:
    """Keep the digest of the forward pass over a state and tell of it.

    A second pass over the same state says the same. With `replace` it takes the row's place;
    without it a row that is there stays, because a pass by hand has read more positions.
    """
    where = home_of(session, place)
    keep = Digest.objects.update_or_create if replace else Digest.objects.get_or_create
    digest, created = keep(
        branch_id=where.branch,
        number=where.number,
        defaults={"data": data, "summary": summary, "settings": settings},
    )
    if created or replace:
        publish(session.stream_id, "forward", events.forward_payload(digest))

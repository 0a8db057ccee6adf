"""Keeping what a forward pass said."""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError, transaction

from inference.events import publish
from visualizer.models import Digest, Session
from visualizer.selectors import event_payloads
from visualizer.selectors.history import StateRef, digest_at, home_of


@transaction.atomic
def keep_forward(
    *,
    session: Session,
    ref: StateRef,
    data: bytes,
    summary: dict[str, Any],
    settings: dict[str, Any],
    replace: bool = True,
) -> None:
    """Keep the digest of the forward pass over a state and tell of it.

    A second pass over the same state says the same. With `replace` it takes the row's place;
    without it a row that is there stays, because a pass by hand has read more positions.
    """
    where = home_of(session, ref)
    digest = Digest(
        branch_id=where.branch, number=where.number, data=data, summary=summary, settings=settings
    )
    if _kept(digest, replace):
        publish(session.stream_id, "forward", event_payloads.forward_payload(digest))


@transaction.atomic
def sum_up_again(*, session: Session, digest: Digest, found: dict[str, Any]) -> None:
    """Keep what a pass amounts to under the settings that the session has now, and tell of it."""
    summary = {**digest.summary, **found}
    if summary == digest.summary:
        return
    digest.summary, digest.settings = summary, session.settings
    digest.save(update_fields=["summary", "settings"])
    publish(session.stream_id, "forward", event_payloads.forward_payload(digest))


@transaction.atomic
def carry_forward(*, session: Session, source: StateRef, ref: StateRef) -> None:
    """Keep the pass over a state for another one with the same tokens; it cost nothing there."""
    digest = digest_at(session, source)
    if digest is not None:
        summary = {**digest.summary, "ms": 0.0, "cached": True}
        keep_forward(
            session=session,
            ref=ref,
            data=bytes(digest.data),
            summary=summary,
            settings=digest.settings,
        )


def _kept(digest: Digest, replace: bool) -> bool:
    """Write the row in one statement; False if another one is there and stays."""
    if replace:
        names = ["data", "summary", "settings", "created"]
        Digest.objects.bulk_create(
            [digest],
            update_conflicts=True,
            unique_fields=["branch", "number"],
            update_fields=names,
        )
        return True
    try:
        with transaction.atomic():
            digest.save(force_insert=True)
    except IntegrityError:
        if not Digest.objects.filter(branch=digest.branch_id, number=digest.number).exists():
            raise  # something else than the number was at fault
        return False
    return True

"""Moving the head: what is looked at and worked on. Nothing else changes."""

from __future__ import annotations

from django.db import transaction

from inference.events import publish
from visualizer.models import Session
from visualizer.selectors.history import Place, check_place
from visualizer.services.sessions import hold
from visualizer.services.staging import clear_staged


@transaction.atomic
def rewind(*, session: Session, place: Place) -> None:
    """Look at another step, earlier or later. Raises UnmaskError if there is no such step."""
    hold(session)
    check_place(session, place)
    set_head(session=session, place=place)


@transaction.atomic
def set_head(*, session: Session, place: Place) -> None:
    """Put the head on a place that exists; staged picks belong to the former one and go."""
    session.head_branch_id = place.branch
    session.head_number = place.number
    session.save(update_fields=["head_branch", "head_number", "updated"])
    publish(session.stream_id, "head", place._asdict())
    clear_staged(session=session)

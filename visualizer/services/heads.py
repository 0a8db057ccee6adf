"""Moving the head: what is looked at and worked on. Nothing else changes."""

from __future__ import annotations

from django.db import transaction

from inference.events import publish
from visualizer.models import Session
from visualizer.selectors.history import StateRef, check_ref
from visualizer.services.sessions import hold
from visualizer.services.staging import clear_staged


@transaction.atomic
def rewind(*, session: Session, ref: StateRef) -> None:
    """Look at another step, earlier or later. Raises UnmaskError if there is no such step."""
    hold(session)
    check_ref(session, ref)
    set_head(session=session, ref=ref)


@transaction.atomic
def set_head(*, session: Session, ref: StateRef) -> None:
    """Put the head on a state that exists; staged picks belong to the former one and go."""
    session.head_branch_id = ref.branch
    session.head_number = ref.number
    session.save(update_fields=["head_branch", "head_number", "updated"])
    publish(session.stream_id, "head", ref._asdict())
    clear_staged(session=session)

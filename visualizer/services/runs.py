"""Runs: automatic generation, worked in slices, resumable after any crash."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from inference.errors import UnmaskError
from inference.events import publish
from visualizer.models import Command, Run, Session
from visualizer.selectors import events
from visualizer.selectors.history import Place
from visualizer.services import dispatch
from visualizer.services.heads import set_head
from visualizer.services.steps import writable_branch

ACTIVE = Run.ACTIVE


def active_run(session: Session) -> Run | None:
    """The run that is being worked or waits for a worker."""
    return Run.objects.filter(session=session, status__in=ACTIVE).select_related("branch").first()


@transaction.atomic
def start_run(
    *,
    session: Session,
    place: Place,
    recipe: str,
    parameters: dict[str, Any],
    max_steps: int | None = None,
) -> Run:
    """Queue a run from a state on. Raises UnmaskError (conflict) while another one goes on."""
    if active_run(session) is not None:
        raise UnmaskError("conflict", "A run is going on in this session. Stop it first.")
    branch = writable_branch(session, place)
    if branch.pk != place.branch:
        set_head(session=session, place=Place(branch.pk, place.number))
    run = Run.objects.create(
        session=session,
        branch=branch,
        recipe=recipe,
        parameters=parameters,
        first_step=place.number + 1,
        max_steps=max_steps,
    )
    _tell(run)
    dispatch.advance(session.pk)
    return run


@transaction.atomic
def request_stop(*, session: Session) -> Run:
    """Ask the run to stop after the step in the making."""
    run = active_run(session)
    if run is None:
        raise UnmaskError("conflict", "No run is going on in this session.")
    run.stop_requested = True
    run.save(update_fields=["stop_requested"])
    dispatch.advance(session.pk)
    return run


@transaction.atomic
def set_status(*, run: Run, status: str, error: dict[str, Any] | None = None) -> None:
    """Write a run's status and tell of it."""
    run.status, run.error = status, error
    if status not in ACTIVE:
        run.finished = timezone.now()
    run.save(update_fields=["status", "error", "finished"])
    _tell(run)


def _tell(run: Run) -> None:
    publish(run.session.stream_id, "run", events.run_payload(run) or {})


def has_work(session_id: UUID | str) -> bool:
    """Whether a worker should come to this session (again)."""
    pending = Command.objects.filter(session_id=session_id, state=Command.State.PENDING)
    return pending.exists() or Run.objects.filter(session_id=session_id, status__in=ACTIVE).exists()

"""Runs: automatic generation, worked in slices, resumable after any crash.

Runs are queued by commands, so the worker that queues one is at the session's turn and goes on
with it; nobody has to be sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.utils import timezone

from core.jobs import dispatch
from inference.errors import UnmaskError
from inference.events import publish
from visualizer.models import Run, Session
from visualizer.selectors import event_payloads
from visualizer.selectors.history import StateRef, branches_of, home
from visualizer.selectors.runs import active_run as active_run
from visualizer.services.branches import fork
from visualizer.services.heads import set_head
from visualizer.services.steps import writable_branch

ACTIVE = Run.ACTIVE


@dataclass(frozen=True, slots=True)
class Wanted:
    """A run that is to be made: its recipe, complete parameters, and a name for its branch."""

    recipe: str
    parameters: dict[str, Any] = field(default_factory=dict)
    name: str | None = None
    seed: int | None = None
    keep_settled: bool = False


@transaction.atomic
def start_run(
    *,
    session: Session,
    ref: StateRef,
    recipe: str,
    parameters: dict[str, Any],
    max_steps: int | None = None,
    keep_settled: bool = False,
    seed: int | None = None,
    name: str | None = None,
) -> Run:
    """Queue a run from a state on, which must be free; a branch that it makes has that name.

    Raises UnmaskError (conflict) while another run goes on.
    """
    _check_free(session)
    branch = writable_branch(session, ref, name)
    if branch.pk != ref.branch:
        set_head(session=session, ref=StateRef(branch.pk, ref.number))
    run = Run.objects.create(
        session=session,
        branch=branch,
        recipe=recipe,
        parameters=parameters,
        first_step=ref.number + 1,
        max_steps=max_steps,
        keep_settled=keep_settled,
        seed=seed,
    )
    _tell(run)
    return run


@transaction.atomic
def queue_runs(*, session: Session, ref: StateRef, wanted: Sequence[Wanted]) -> list[Run]:
    """A branch and a queued run on it for each, all from the same state.

    They are worked one after the other; the head stays where it is. Raises UnmaskError (conflict)
    while another run goes on. The front one is told last, as the last run event tells of it.
    """
    _check_free(session)
    origin = home(branches_of(session), ref)
    rows = [_queued(session, origin, one) for one in wanted]
    for run in reversed(rows):
        _tell(run)
    return rows


def _queued(session: Session, origin: StateRef, wanted: Wanted) -> Run:
    branch = fork(session=session, parent_id=origin.branch, number=origin.number, name=wanted.name)
    return Run.objects.create(
        session=session,
        branch=branch,
        recipe=wanted.recipe,
        parameters=wanted.parameters,
        first_step=origin.number + 1,
        seed=wanted.seed,
        keep_settled=wanted.keep_settled,
    )


def _check_free(session: Session) -> None:
    if active_run(session) is not None:
        raise UnmaskError("conflict", "A run is going on in this session. Stop it first.")


@transaction.atomic
def request_stop(*, session: Session) -> Run:
    """Ask the run, and those that wait behind it, to stop after the step in the making."""
    run = active_run(session)
    if run is None:
        raise UnmaskError("conflict", "No run is going on in this session.")
    Run.objects.filter(session=session, status__in=ACTIVE).update(stop_requested=True)
    dispatch.work(session)
    return run


@transaction.atomic
def set_status(*, run: Run, status: str, error: dict[str, Any] | None = None) -> None:
    """Write a run's status and tell of it; then of the one that waits behind it, if any."""
    run.status, run.error = status, error
    if status not in ACTIVE:
        run.finished = timezone.now()
    run.save(update_fields=["status", "error", "finished"])
    _tell(run)
    waiting = None if status in ACTIVE else active_run(run.session)
    if waiting is not None:
        _tell(waiting)


def _tell(run: Run) -> None:
    publish(run.session.stream_id, "run", event_payloads.run_payload(run) or {})

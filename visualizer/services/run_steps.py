"""Writing a step of a run: all that it changes, in a few statements whose text is made once.

The rows and events are those of `forwards.keep_forward` and `steps.write_step`, which write what
people do; a run writes many times a second beside the forward passes that it reads, so here every
statement counts.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.db import connection
from django.utils import timezone

from core.jobs.leases import EXPIRY, Lease, LeaseLost, expiry
from inference.engine.canvas import Canvas, Operation
from inference.errors import UnmaskError
from inference.events import publish
from inference.statements import Insert, Table, Update, encoded
from visualizer.models import Command, Digest, Run, Session, Step
from visualizer.selectors import event_payloads
from visualizer.selectors.history import StateRef, home_of
from visualizer.selectors.labels import labels_for
from visualizer.services.staging import clear_staged

HEAD = "CASE WHEN {head_branch} = %s AND {head_number} = %s THEN %s ELSE {head_number} END"
READ = ("settings", "staged", "head_branch", "head_number")
KEEP = Insert(
    Digest, "branch", "number", "data", "summary", "settings", "created", once=True
)  # a pass by hand has read more positions, so a row that is there stays
WRITE = Insert(
    Step,
    *("branch", "number", "operations", "recipe", "settings", "timings", "run", "created"),
    once=True,
)
REMEMBER = Update(Run, {"carry": "%s", "attempts": "0"}, ["id"])


@dataclass(frozen=True, slots=True)
class RunStep:
    """What a step of a run did: its operations lead from the canvas `before` to `after`.

    `data` and `summary`: the distribution that it read, kept under the session's `settings`.
    `timings`: milliseconds by phase. `carry`: the recipe's memory for the next step.
    """

    operations: list[Operation]
    before: Canvas
    after: Canvas
    data: bytes
    summary: dict[str, Any]
    settings: dict[str, Any]
    timings: dict[str, float]
    carry: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Written:
    """A written step: its event's payload, and what the database said while it was written."""

    payload: dict[str, Any]
    stop_asked: bool
    command_waits: bool


def write_run_step(
    *, lease: Lease, session: Session, run: Run, number: int, made: RunStep
) -> Written:
    """Inside a transaction: write step `number` of a run's branch.

    The head goes along if it is on the state before it. Raises LeaseLost when another worker has
    the session, Run.DoesNotExist, and UnmaskError (conflict) if the step's number is taken.
    """
    stop_asked, waits = _hold(lease, session, run, number)
    follows = (session.head_branch_id, session.head_number) == (run.branch_id, number)
    _keep(session, StateRef(run.branch_id, number - 1), made)
    payload = _write(session, run, number, made)
    if follows:
        publish(session.stream_id, "head", {"branch": run.branch_id, "number": number})
    if follows and session.staged:
        clear_staged(session=session)
    REMEMBER([encoded(made.carry)], [run.pk])
    run.carry, run.attempts = made.carry, 0
    return Written(payload, stop_asked, waits)


@cache
def _held() -> Update:
    """What checks the fence, renews the lease, moves the head and reads, all in one: whether a stop
    is asked for (NULL: the run is gone) and whether a command waits, too."""
    set = {"head_number": HEAD, "lease_expires": EXPIRY[connection.vendor], "updated": "%s"}
    runs, commands = Table(Run), Table(Command)
    stop = f"(SELECT {runs.column('stop_requested')} FROM {runs.name} WHERE {runs.key} = %s)"
    here = f"{commands.column('session')} = %s AND {commands.column('state')} = %s"
    waits = f"EXISTS(SELECT 1 FROM {commands.name} WHERE {here})"
    return Update(Session, set, ["id", "lease_fence"], READ, [stop, waits])


def _hold(lease: Lease, session: Session, run: Run, number: int) -> tuple[bool, bool]:
    """Check the fence, hold the session's row, and read what others may have changed of it.

    The head moves to the step if it is on the state before it. Returns whether a stop is asked for
    and whether a command waits.
    """
    statement = _held()
    now, key = statement.adapt("updated", timezone.now()), statement.adapt("id", session.pk)
    given = [run.branch_id, number - 1, number, expiry(), now]
    about = [run.pk, key, Command.State.PENDING.value]
    held = statement(given, [lease.row, lease.fence], about)
    if not held:
        raise LeaseLost(f"fence {lease.fence} no longer holds")
    settings, staged, session.head_branch_id, session.head_number, stop_asked, waits = held[0]
    session.settings, session.staged = json.loads(settings), json.loads(staged)
    if stop_asked is None:
        raise Run.DoesNotExist(f"there is no run {run.pk}")
    return bool(stop_asked), bool(waits)


def _keep(session: Session, read: StateRef, made: RunStep) -> None:
    """The distribution of the state that the step read."""
    where, now = home_of(session, read), timezone.now()
    told = encoded(made.summary), encoded(made.settings)
    if KEEP((where.branch, where.number, made.data, *told, now)):
        place = {"branch": where.branch, "number": where.number}
        publish(session.stream_id, "forward", place | made.summary)


def _write(session: Session, run: Run, number: int, made: RunStep) -> dict[str, Any]:
    step = Step(
        branch_id=run.branch_id,
        number=number,
        operations=made.operations,
        recipe=run.recipe,
        timings=made.timings,
        run=run,
    )
    told = encoded(step.operations), step.recipe, encoded({}), encoded(step.timings)
    if not WRITE((step.branch_id, number, *told, run.pk, timezone.now())):
        message = f"Step {number} has been made meanwhile. Look at it and repeat."
        raise UnmaskError("conflict", message)
    labels = labels_for(session)
    payload = event_payloads.step_payload(step, made.before, labels, made.after)
    publish(session.stream_id, "step", payload)
    return payload

"""Writing steps of runs: all that they change, in a few statements whose text is made once.

The rows and events are those of `forwards.keep_forward` and `steps.write_step`, which write what
people do; a run writes many times a second beside the forward passes that it reads, so here every
statement counts, and one statement serves the steps of all runs that are written together.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.db import connection
from django.utils import timezone

from core.jobs.leases import EXPIRY, Lease, LeaseLost, expiry
from inference.engine.canvas import Canvas, Operation
from inference.errors import UnmaskError
from inference.events import publish
from inference.statements import Insert, Table, Update, encoded, given_rows
from visualizer.models import Command, Digest, Run, Session, Step
from visualizer.selectors import event_payloads
from visualizer.selectors.history import StateRef, home_of
from visualizer.selectors.labels import labels_for
from visualizer.services.staging import clear_staged

READ = ("id", "lease_fence", "settings", "staged", "head_branch", "head_number")
KEEP = Insert(
    Digest,
    *("branch", "number", "data", "summary", "settings", "created"),
    once=True,  # a pass by hand has read more positions, so a row that is there stays
    returning="branch",
)
WRITE = Insert(
    Step,
    *("branch", "number", "operations", "recipe", "settings", "timings", "run", "created"),
    once=True,
    returning="branch",
)
REMEMBER = Update(Run, {"carry": "%s", "attempts": "0"}, ["id"])


@dataclass(frozen=True, slots=True)
class RunStep:
    """Step `number` of a run's branch: its operations lead from the canvas `before` to `after`.

    `data` and `summary`: the distribution that it read, kept under the session's `settings`.
    `timings`: milliseconds by phase. `carry`: the recipe's memory for the next step.
    """

    lease: Lease
    session: Session
    run: Run
    number: int
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


def write_run_steps(steps: Sequence[RunStep]) -> list[Written]:
    """Inside a transaction: write a step of each of several runs, of sessions of their own.

    A head goes along if it is on the state before the step. Raises LeaseLost when another worker
    has a session, Run.DoesNotExist, and UnmaskError (conflict) if a step's number is taken.
    """
    asked = _hold(steps)
    _keep(steps)
    payloads = _write(steps)
    for step in steps:
        _follow(step)
        _remember(step)
    return [Written(*told) for told in zip(payloads, *zip(*asked, strict=True), strict=True)]


@cache
def _held(count: int) -> Update:
    """What checks the fences, renews the leases, moves the heads and reads, all in one: whether a
    stop is asked for (NULL: the run is gone) and whether a command waits, too."""
    on = "({id}, {head_branch}, {head_number}) IN " + given_rows(count, 3)
    set = {
        "head_number": f"{{head_number}} + CASE WHEN {on} THEN 1 ELSE 0 END",
        "lease_expires": EXPIRY[connection.vendor],
        "updated": "%s",
    }
    session, runs, commands = Table(Session), Table(Run), Table(Command)
    key = f"{session.name}.{session.key}"
    here = f"{runs.column('session')} = {key} AND {runs.key} IN {given_rows(count, 1)}"
    stop = f"(SELECT {runs.column('stop_requested')} FROM {runs.name} WHERE {here})"
    here = f"{commands.column('session')} = {key} AND {commands.column('state')} = %s"
    waits = f"EXISTS(SELECT 1 FROM {commands.name} WHERE {here})"
    return Update(Session, set, ["id", "lease_fence"], READ, [stop, waits], count)


def _hold(steps: Sequence[RunStep]) -> list[tuple[bool, bool]]:
    """Check the fences, hold the sessions' rows, and read what others may have changed of them.

    A head moves to its step if it is on the state before it. Returns of each whether a stop is
    asked for and whether a command waits.
    """
    statement = _held(len(steps))
    keys = [statement.adapt("id", step.session.pk) for step in steps]
    before = [
        value
        for key, step in zip(keys, steps, strict=True)
        for value in (key, step.run.branch_id, step.number - 1)
    ]
    now = statement.adapt("updated", timezone.now())
    fences = [(step.lease.row, step.lease.fence) for step in steps]
    about = [*(step.run.pk for step in steps), Command.State.PENDING.value]
    found = statement([*before, expiry(), now], *fences, about=about)
    held = {(key, fence): row for key, fence, *row in found}  # a former holder may be among us
    return [
        _read(step, held.get((key, step.lease.fence)))
        for key, step in zip(keys, steps, strict=True)
    ]


def _read(step: RunStep, held: list[Any] | None) -> tuple[bool, bool]:
    if held is None:
        raise LeaseLost(f"fence {step.lease.fence} no longer holds")
    settings, staged, branch, number, stop_asked, waits = held
    if stop_asked is None:
        raise Run.DoesNotExist(f"there is no run {step.run.pk}")
    session = step.session
    session.head_branch_id, session.head_number = branch, number
    session.settings, session.staged = json.loads(settings), json.loads(staged)
    return bool(stop_asked), bool(waits)


def _keep(steps: Sequence[RunStep]) -> None:
    """The distributions of the states that the steps read."""
    now = timezone.now()
    places = [home_of(one.session, StateRef(one.run.branch_id, one.number - 1)) for one in steps]
    rows = [
        (at.branch, at.number, one.data, encoded(one.summary), encoded(one.settings), now)
        for at, one in zip(places, steps, strict=True)
    ]
    kept = set(KEEP(*rows))
    for at, one in zip(places, steps, strict=True):
        if at.branch in kept:
            place = {"branch": at.branch, "number": at.number}
            publish(one.session.stream_id, "forward", place | one.summary)


def _write(steps: Sequence[RunStep]) -> list[dict[str, Any]]:
    now, nothing = timezone.now(), encoded({})
    rows = [
        (
            *(one.run.branch_id, one.number, encoded(one.operations), one.run.recipe, nothing),
            *(encoded(one.timings), one.run.pk, now),
        )
        for one in steps
    ]
    written = set(WRITE(*rows))
    for one in steps:
        if one.run.branch_id not in written:
            message = f"Step {one.number} has been made meanwhile. Look at it and repeat."
            raise UnmaskError("conflict", message)
    return [_told(one) for one in steps]


def _told(one: RunStep) -> dict[str, Any]:
    """The step's event; returns its payload."""
    step = Step(
        branch_id=one.run.branch_id,
        number=one.number,
        operations=one.operations,
        recipe=one.run.recipe,
        timings=one.timings,
        run=one.run,
    )
    labels = labels_for(one.session)
    payload = event_payloads.step_payload(step, one.before, labels, one.after)
    publish(one.session.stream_id, "step", payload)
    return payload


def _follow(step: RunStep) -> None:
    """Tell that the head has moved along; picks that were staged belong to the state before."""
    session, here = step.session, (step.run.branch_id, step.number)
    if (session.head_branch_id, session.head_number) != here:
        return
    publish(session.stream_id, "head", {"branch": here[0], "number": here[1]})
    if session.staged:
        clear_staged(session=session)


def _remember(step: RunStep) -> None:
    """The run's memory and a fresh count of attempts, unless there is nothing to remember.

    Memories are not compared: parts of them may be the same lists, which the recipe has changed.
    """
    run = step.run
    if run.attempts or run.carry or step.carry:
        REMEMBER([encoded(step.carry)], [run.pk])
        run.carry, run.attempts = step.carry, 0

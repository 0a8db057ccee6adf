"""One slice of a run: steps until the time is over, a command waits, or a stop is asked for.

A step is written as soon as it is made, so that whoever goes on after a crash goes on after the
last stored step. Random numbers depend on seed and step alone, so tokens stay the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.db import transaction

from core.jobs.group_commit import GroupCommit
from core.jobs.leases import Lease, fenced
from core.jobs.renewals import renewed
from core.worker.slices import SliceTime, work_guarded
from inference.engine.digest_view import DigestView
from inference.events import gathered
from inference.figures import STEP_SECONDS
from inference.runtime.error_mapping import engine_errors
from inference.runtime.steps_ahead import AHEAD, StepsAhead
from inference.runtime.suspended import SUSPENDED
from visualizer.models import Generation, Run, Session
from visualizer.selectors.history import StateRef, state_at, tip
from visualizer.selectors.position_stats import numbers_of
from visualizer.services import runs
from visualizer.services.forwards import keep_forward
from visualizer.services.run_steps import RunStep, write_run_steps
from visualizer.worker import generation
from visualizer.worker.distributions import PLAIN, forward, summed_up
from visualizer.worker.resume import RunProgress, key_of
from visualizer.worker.step_source import Made, StepSource, source_of

Status = Run.Status
PAUSE, LATE = "pause", "late"
"""Somebody's command waits; the slice's time is over, and what is ready is written yet."""


def work_slice(lease: Lease) -> None:
    """Work the session's active run for a while. A failure ends the run, never the session."""
    session = Session.objects.select_related("model__vocabulary", "head_branch").get(pk=lease.row)
    run = runs.active_run(session)
    if run is None:
        return
    work_guarded(
        "run",
        begin=lambda: _begin(lease, run),
        work=lambda: _work(_progress(lease, session, run), SliceTime()),
        fail=lambda shape: _end(lease, run, Status.FAILED, shape),
    )


def _progress(lease: Lease, session: Session, run: Run) -> RunProgress:
    number = tip(run.branch)
    canvas = state_at(session, StateRef(run.branch_id, number))
    told = Generation.objects.filter(run=run).first()
    return RunProgress(lease, session, run, canvas, number, told)


def _begin(lease: Lease, run: Run) -> int:
    """Count the attempt; each stored step sets the count back."""
    with fenced(lease):
        run.attempts += 1
        run.save(update_fields=["attempts"])
        if run.status == Status.QUEUED:
            runs.set_status(run=run, status=Status.RUNNING)
    return run.attempts


def _work(work: RunProgress, slice_time: SliceTime) -> None:
    """Step by step, until something else is due.

    While a step is being written the engine computes the next ones already; only a run's first
    step, for which somebody waits, is written before anything else is begun.
    """
    if _stop_asked(work):
        _finish(work, Status.STOPPED)
        return
    with renewed(work.lease):  # the model may have to be loaded again
        source = source_of(work)
    with StepsAhead(source.make, source.model) as ahead:
        ahead.allow(1)
        while (made := _next(work, ahead)) is not None:
            due = _due(work, slice_time)
            _write_beside(work, made, ahead, due is None)
            due = _wanted(work, due)
            if due == LATE and ahead.stop():
                continue  # what is ready is written too
            if due is not None:
                _leave(work, due, made, source, ahead)
                return
    _finish(work, Status.DONE)


def _write_beside(work: RunProgress, made: Made, ahead: StepsAhead[Made], goes_on: bool) -> None:
    """Write a step, and let those behind it be made meanwhile if the run goes on."""
    number = work.number + 1
    awaited = number == work.run.first_step
    if awaited:
        _write(work, made)
    if goes_on:
        ahead.allow(_room(work, number))
    if not awaited:
        ahead.give_way()
        _write(work, made)


def _leave(
    work: RunProgress, due: str, made: Made, source: StepSource, ahead: StepsAhead[Made]
) -> None:
    """The slice ends behind a written step."""
    if due in (LATE, PAUSE):
        source.suspend(work, made.result.canvas, ahead.stop())
    _ENDS[due](work)


def _next(work: RunProgress, ahead: StepsAhead[Made]) -> Made | None:
    with renewed(work.lease), engine_errors():
        return ahead.take()


def _room(work: RunProgress, number: int) -> int:
    """How many steps behind this one may be made before they are asked for."""
    if work.run.max_steps is None:
        return AHEAD
    return min(AHEAD, work.run.first_step + work.run.max_steps - 1 - number)


def _write(work: RunProgress, made: Made) -> None:
    """Write a step, together with those of other runs that come to theirs now."""
    STEPS.write((work, made))
    STEP_SECONDS.observe(sum(made.result.ms.values()) / 1000)
    work.number += 1


def _due(work: RunProgress, slice_time: SliceTime) -> str | None:
    """What is due after the step that has just been computed, if the run is not to go on."""
    made = work.number + 2 - work.run.first_step
    if work.run.max_steps is not None and made >= work.run.max_steps:
        return Status.DONE
    return LATE if slice_time.is_over() else None


def _wanted(work: RunProgress, due: str | None) -> str | None:
    """What is due now that the step is written: others may have asked for something meanwhile."""
    if work.stop_asked:
        return Status.STOPPED
    return PAUSE if work.command_waits and due != Status.DONE else due


def _stop_asked(work: RunProgress) -> bool:
    return Run.objects.filter(pk=work.run.pk, stop_requested=True).exists()


def _write_all(steps: Sequence[tuple[RunProgress, Made]]) -> None:
    """Write a step of each run. What numpy can do without the device is done here, too."""
    made = []
    for work, step in steps:
        work.reread_if_stale()
        made.append((work, _as_step(work, step)))
    try:
        with transaction.atomic(), gathered():
            _store(made)
    except BaseException:
        for work, _ in made:
            work.stale = True
        raise


STEPS = GroupCommit(_write_all)
"""What writes the steps of this process's runs."""


def _as_step(work: RunProgress, made: Made) -> RunStep:
    """The step as it will be stored: its distribution in bytes and summed up."""
    result = made.result
    data = made.reduced.to_bytes()
    numbers = numbers_of(work.session, DigestView(made.reduced.form), work.number)
    timings = {name: round(value, 2) for name, value in result.ms.items()}
    timings["total"] = round(sum(result.ms.values()), 2)
    return RunStep(
        lease=work.lease,
        session=work.session,
        run=work.run,
        number=work.number + 1,
        operations=result.operations,
        before=made.before,
        after=result.canvas,
        data=data,
        summary=summed_up(numbers, made.before, result.ms.get("forward", 0.0), False),
        settings=work.session.settings,
        timings=timings,
        carry=result.carry,
    )


def _store(steps: Sequence[tuple[RunProgress, RunStep]]) -> None:
    """Distributions, steps and the runs' memory, in a transaction that needs the fences."""
    written = write_run_steps([step for _, step in steps])
    for (work, step), told in zip(steps, written, strict=True):
        generation.tell_step(work, told.payload, step.after)
        work.stop_asked, work.command_waits = told.stop_asked, told.command_waits


def _pause(work: RunProgress) -> None:
    """The slice went well: the next one starts with a fresh count."""
    Run.objects.filter(pk=work.run.pk).update(attempts=0)


_ENDS: dict[str, Callable[[RunProgress], None]] = {
    PAUSE: lambda work: _pause(work),
    LATE: lambda work: _pause(work),
    Status.DONE: lambda work: _finish(work, Status.DONE),
    Status.STOPPED: lambda work: _finish(work, Status.STOPPED),
}


def _finish(work: RunProgress, status: str) -> None:
    """The run is over: with the pass over what it wrote, if its generation is to have one."""
    told = work.generation
    if told is not None and told.settings.get("final_pass"):
        canvas = state_at(work.session, work.ref)
        with renewed(work.lease), engine_errors():
            passed = forward(work.session, canvas, PLAIN, work.number)
        shown = work.session.settings
        with fenced(work.lease):
            keep_forward(
                session=work.session,
                ref=work.ref,
                data=passed.data,
                summary=passed.summary,
                settings=shown,
            )
    _end(work.lease, work.run, status)


def _end(lease: Lease, run: Run, status: str, error: dict[str, Any] | None = None) -> None:
    SUSPENDED.forget(key_of(run))
    with fenced(lease):
        runs.set_status(run=run, status=status, error=error)
        generation.finish(run, error)

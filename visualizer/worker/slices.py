"""One slice of a run: steps until the time is over, a command waits, or a stop is asked for.

Every step is written in a transaction of its own, so that whoever goes on after a crash goes on
after the last stored step. Random numbers depend on seed and step alone, so tokens stay the same.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from inference import runtime
from inference.engine import digest
from inference.engine.canvas import Canvas
from inference.engine.decoding import loop
from inference.engine.decoding.loop import StepResult
from inference.engine.digest_view import DigestView
from inference.errors import UnmaskError, error_shape, internal_error
from inference.limits import SLICE_SECONDS
from inference.runtime.faults import told
from visualizer.models import Command, Digest, Run, Session
from visualizer.selectors.history import Place, head_of, home_of, state_at, tip
from visualizer.services import leases, runs
from visualizer.services.forwards import keep_forward
from visualizer.services.leases import Lease, LeaseLost
from visualizer.services.steps import NewStep, write_step
from visualizer.worker.distributions import summed_up
from visualizer.worker.jobs import ATTEMPTS, CHANGING, fenced

log = logging.getLogger(__name__)
Status = Run.Status


@dataclass
class Slice:
    """A run under a lease, and how far it has come."""

    lease: Lease
    session: Session
    run: Run
    canvas: Canvas
    number: int

    @property
    def place(self) -> Place:
        return Place(self.run.branch_id, self.number)


def work_slice(lease: Lease, seconds: float = SLICE_SECONDS) -> None:
    """Work the session's active run for a while. A failure ends the run, never the session."""
    session = Session.objects.select_related("model__vocabulary", "head_branch").get(
        pk=lease.session
    )
    run = runs.active_run(session)
    if run is None:
        return
    try:
        _begin(lease, run)
        _work(_slice(lease, session, run), time.monotonic() + seconds)
    except LeaseLost:
        raise
    except UnmaskError as error:
        _end(lease, run, Status.FAILED, error_shape(error))
    except Exception:
        log.exception("run %s failed", run.pk)
        _end(lease, run, Status.FAILED, error_shape(internal_error()))


def _slice(lease: Lease, session: Session, run: Run) -> Slice:
    number = tip(run.branch)
    canvas = state_at(session, Place(run.branch_id, number))
    return Slice(lease, session, run, canvas, number)


def _begin(lease: Lease, run: Run) -> None:
    """Count the attempt; each stored step sets the count back."""
    with fenced(lease):
        run.attempts += 1
        run.save(update_fields=["attempts"])
        if run.status == Status.QUEUED:
            runs.set_status(run=run, status=Status.RUNNING)
    if run.attempts > ATTEMPTS:
        raise UnmaskError("generation", "The run ended its worker several times and was given up.")


def _work(work: Slice, deadline: float) -> None:
    """Step by step, until something else is due."""
    results = _results(work)
    while True:
        ended = _ended(work)
        if ended is not None:
            _end(work.lease, work.run, ended)
            return
        with leases.kept(work.lease):
            result = runtime.submit(lambda: next(results, None))
        if result is None:
            _end(work.lease, work.run, Status.DONE)
            return
        with told():
            read = _reading(work, result)
        with fenced(work.lease):
            _store(work, result, read)
        if time.monotonic() > deadline or _waiting(work.session):
            _pause(work)
            return


def _results(work: Slice) -> Iterator[StepResult]:
    model = runtime.load(work.session.model)
    return loop.generate(
        model,
        work.canvas,
        work.run.recipe,
        work.run.parameters,
        work.session.seed,
        work.number + 1,
        first_step=work.run.first_step,
        carry=work.run.carry,
    )


def _ended(work: Slice) -> str | None:
    """Whether a stop was asked for or the wanted number of steps has been made."""
    if Run.objects.filter(pk=work.run.pk, stop_requested=True).exists():
        return Status.STOPPED
    made = work.number + 1 - work.run.first_step
    limit = work.run.max_steps
    return Status.DONE if limit is not None and made >= limit else None


def _waiting(session: Session) -> bool:
    return Command.objects.filter(session=session, state=Command.State.PENDING).exists()


def _reading(work: Slice, result: StepResult) -> tuple[bytes, dict[str, Any]]:
    """The digest of what the step read, and its summary."""
    exclude = [work.canvas.mask_id]
    data = runtime.submit(lambda: digest.encode(result.logits, result.positions, exclude))
    view = DigestView.from_bytes(data)
    return data, summed_up(view, work.canvas, result.ms.get("forward", 0.0), False)


def _store(work: Slice, result: StepResult, read: tuple[bytes, dict[str, Any]]) -> None:
    """The distribution, the step and the run's memory, in the transaction of the fence."""
    work.session.refresh_from_db(fields=CHANGING)
    _keep(work, *read)
    timings = {name: round(value, 2) for name, value in result.ms.items()}
    new = NewStep(
        result.operations,
        recipe=work.run.recipe,
        timings={**timings, "total": round(sum(result.ms.values()), 2)},
        run=work.run,
    )
    follow = head_of(work.session) == work.place
    write_step(session=work.session, place=work.place, new=new, before=work.canvas, follow=follow)
    work.run.carry, work.run.attempts = result.carry, 0
    work.run.save(update_fields=["carry", "attempts"])
    work.canvas, work.number = result.canvas, work.number + 1


def _keep(work: Slice, data: bytes, summary: dict[str, Any]) -> None:
    """Unless a forward pass by hand has kept more of this state already."""
    where = home_of(work.session, work.place)
    if not Digest.objects.filter(branch=where.branch, number=where.number).exists():
        keep_forward(
            session=work.session,
            place=work.place,
            data=data,
            summary=summary,
            settings=work.session.settings,
        )


def _pause(work: Slice) -> None:
    """The slice went well: the next one starts with a fresh count."""
    Run.objects.filter(pk=work.run.pk).update(attempts=0)


def _end(lease: Lease, run: Run, status: str, error: dict[str, Any] | None = None) -> None:
    with fenced(lease):
        runs.set_status(run=run, status=status, error=error)

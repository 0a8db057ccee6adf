"""Writing steps: the only way in which a canvas changes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.db import IntegrityError, transaction

from inference.engine.canvas import Canvas, CanvasError, Operation
from inference.errors import UnmaskError
from inference.events import publish
from visualizer.models import Branch, Run, Session, Step
from visualizer.selectors import event_payloads
from visualizer.selectors.history import StateRef, branches_of, head_of, home, state_at, tip
from visualizer.selectors.labels import labels_for
from visualizer.services.branches import fork
from visualizer.services.heads import set_head


@dataclass(frozen=True, slots=True)
class NewStep:
    """What a step is to do and where it comes from."""

    operations: list[Operation]
    recipe: str = "manual"
    settings: dict[str, Any] = field(default_factory=dict)
    timings: dict[str, Any] = field(default_factory=dict)
    run: Run | None = None


@transaction.atomic
def append_step(
    *, session: Session, ref: StateRef, new: NewStep, before: Canvas | None = None
) -> Step:
    """Write a step after a state; from an older state it begins a new branch.

    `before`: the canvas of that state, if it is at hand; else history is folded for it. Raises
    UnmaskError (validation) for operations that do not fit the state, and (conflict) when the
    step's number has been taken meanwhile.
    """
    before = state_at(session, ref) if before is None else before
    _check(before, new.operations)
    branch = writable_branch(session, ref)
    return write_step(session=session, ref=StateRef(branch.pk, ref.number), new=new, before=before)


@transaction.atomic
def write_step(
    *, session: Session, ref: StateRef, new: NewStep, before: Canvas, follow: bool = True
) -> Step:
    """Write the next step of a branch whose newest state, `before`, is at `ref`.

    `follow`: the head goes along. Raises UnmaskError (conflict) if the number is taken.
    """
    step = _write(ref.branch, ref.number + 1, new)
    publish(
        session.stream_id, "step", event_payloads.step_payload(step, before, labels_for(session))
    )
    if follow:
        set_head(session=session, ref=StateRef(ref.branch, step.number))
    return step


def apply_at_head(*, session: Session, new: NewStep, before: Canvas | None = None) -> Step:
    """Write a step after what is being looked at, whose canvas is `before`."""
    return append_step(session=session, ref=head_of(session), new=new, before=before)


def _check(before: Canvas, operations: list[Operation]) -> None:
    try:
        before.apply(operations)
    except CanvasError as error:
        raise UnmaskError("validation", str(error), error.field) from None


def writable_branch(session: Session, ref: StateRef, name: str | None = None) -> Branch:
    """The branch of a state at its end; from an older state a new one, of that name."""
    branch = Branch.objects.select_related("parent").get(pk=ref.branch, session=session)
    if tip(branch) == ref.number:
        return branch
    origin = home(branches_of(session), ref)
    return fork(session=session, parent_id=origin.branch, number=origin.number, name=name)


def _write(branch_id: int, number: int, new: NewStep) -> Step:
    try:
        with transaction.atomic():
            return Step.objects.create(
                branch_id=branch_id,
                number=number,
                operations=new.operations,
                recipe=new.recipe,
                settings=new.settings,
                timings=new.timings,
                run=new.run,
            )
    except IntegrityError:
        if not Step.objects.filter(branch=branch_id, number=number).exists():
            raise  # something else than the number was at fault
        raise UnmaskError(
            "conflict",
            f"Step {number} has been made meanwhile. Look at it and repeat.",
        ) from None

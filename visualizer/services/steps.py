"""Writing steps: the only way in which a canvas changes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.db import IntegrityError, transaction

from inference.engine.canvas import Canvas, CanvasError, Operation
from inference.errors import UnmaskError
from inference.events import publish
from visualizer.models import Branch, Run, Session, Step
from visualizer.selectors import events
from visualizer.selectors.history import Place, branches_of, head_of, home, state_at, tip
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
    *,
    session: Session,
    place: Place,
    new: NewStep,
    follow: bool = True,
    before: Canvas | None = None,
) -> Step:
    """Write a step after a state; from an older state it begins a new branch.

    Raises UnmaskError (validation) for operations that do not fit the state, and (conflict) when
    the step's number has been taken meanwhile. `follow`: the head goes along. `before`: the
    state, if the caller has it at hand.
    """
    before = before or state_at(session, place)
    _check(before, new.operations)
    branch = writable_branch(session, place)
    step = _write(branch, place.number + 1, new)
    payload = events.step_payload(step, before, labels_for(session))
    publish(session.stream_id, "step", payload)
    if follow:
        set_head(session=session, place=Place(branch.pk, step.number))
    return step


def apply_at_head(*, session: Session, new: NewStep) -> Step:
    """Write a step after what is being looked at."""
    return append_step(session=session, place=head_of(session), new=new)


def _check(before: Canvas, operations: list[Operation]) -> None:
    try:
        before.apply(operations)
    except CanvasError as error:
        raise UnmaskError("validation", str(error), error.field) from None


def writable_branch(session: Session, place: Place) -> Branch:
    branch = Branch.objects.select_related("parent").get(pk=place.branch, session=session)
    if tip(branch) == place.number:
        return branch
    origin = home(branches_of(session), place)
    return fork(session=session, parent_id=origin.branch, number=origin.number)


def _write(branch: Branch, number: int, new: NewStep) -> Step:
    try:
        with transaction.atomic():
            return Step.objects.create(
                branch=branch,
                number=number,
                operations=new.operations,
                recipe=new.recipe,
                settings=new.settings,
                timings=new.timings,
                run=new.run,
            )
    except IntegrityError:
        raise UnmaskError(
            "conflict", "This step has been made meanwhile. Look at it and repeat."
        ) from None

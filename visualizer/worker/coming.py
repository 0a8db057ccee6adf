"""The steps of a run that are still to come, wherever it was left."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from inference import runtime
from inference.engine.canvas import Canvas
from inference.engine.decoding import loop
from inference.engine.decoding.loop import StepResult
from inference.engine.decoding.recipes import recipe_named
from inference.engine.forward import ForwardMany
from visualizer.selectors.history import Place, state_at
from visualizer.worker import suspended

if TYPE_CHECKING:
    from visualizer.worker.slices import Slice


def results(work: Slice, forward: ForwardMany) -> Iterator[StepResult]:
    """The run from here on; what it knows by heart comes from memory, or by making steps again."""
    model = runtime.load(work.session.model)
    kept = suspended.take(work.run.pk, work.number, work.canvas, model)
    return _anew(work, forward) if kept is None else kept


def _anew(work: Slice, forward: ForwardMany) -> Iterator[StepResult]:
    on = _from(work, work.canvas, work.number, work.run.carry, forward)
    repeats = recipe_named(work.run.recipe).repeats
    back, carry = repeats(work.run.carry) if repeats else (0, {})
    if not back:
        return on
    then = state_at(work.session, Place(work.run.branch_id, work.number - back))
    again = _from(work, then, work.number - back, carry, forward)
    return _caught_up(again, back, work.canvas, on)


def _caught_up(
    again: Iterator[StepResult], back: int, canvas: Canvas, on: Iterator[StepResult]
) -> Iterator[StepResult]:
    """`again` without the steps that are known; `on` if they do not lead to this canvas."""
    last = deque(islice(again, back), maxlen=1)
    same = last and last[0].canvas.tokens == canvas.tokens
    yield from again if same else on


def _from(
    work: Slice, canvas: Canvas, number: int, carry: dict[str, Any], forward: ForwardMany
) -> Iterator[StepResult]:
    return loop.generate(
        runtime.load(work.session.model),
        canvas,
        work.run.recipe,
        work.run.parameters,
        work.session.seed,
        number + 1,
        first_step=work.run.first_step,
        carry=carry,
        forward=forward,
    )


def put_off(work: Slice, canvas: Canvas, results: Iterator[StepResult]) -> None:
    """Only what could not be taken up from the database without repeating anything is kept."""
    model = runtime.get(work.session.model.slug)
    if model is not None and recipe_named(work.run.recipe).repeats is not None:
        suspended.put(work.run.pk, suspended.Suspended(work.number, canvas, model, results))

"""The steps of a run that are still to come, wherever it was left."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
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
from visualizer.worker.slots import unused_slot

if TYPE_CHECKING:
    from visualizer.worker.slices import Slice

StateOf = Callable[[int], Canvas]
"""The canvas after the step of this number."""
Make = Callable[[Canvas, int, dict[str, Any]], Iterator[StepResult]]
"""The steps after a canvas, its number and the run's memory there."""


def results(work: Slice, forward: ForwardMany) -> Iterator[StepResult]:
    """The run from here on; what it knows by heart comes from memory, or by making steps again."""
    model = runtime.load(work.session.model)
    kept = suspended.take(work.run.pk, work.number, work.canvas, model)
    return _anew(work, forward) if kept is None else kept


def _anew(work: Slice, forward: ForwardMany) -> Iterator[StepResult]:
    def state_of(number: int) -> Canvas:
        if number == work.number:
            return work.canvas
        return state_at(work.session, Place(work.run.branch_id, number))

    def make(canvas: Canvas, number: int, carry: dict[str, Any]) -> Iterator[StepResult]:
        return _from(work, canvas, number, carry, forward)

    return taken_up(work.run.recipe, work.number, _carry(work), state_of, make)


def taken_up(
    recipe: str, number: int, carry: dict[str, Any], state_of: StateOf, make: Make
) -> Iterator[StepResult]:
    """The steps after `number`; what lives in memory only comes back by making steps again."""
    on = make(state_of(number), number, carry)
    repeats = recipe_named(recipe).repeats
    back, before = repeats(carry) if repeats else (0, {})
    if not back:
        return on
    again = make(state_of(number - back), number - back, before)
    return _caught_up(again, back, state_of(number), on)


def _carry(work: Slice) -> dict[str, Any]:
    """The run's memory; places that it adds lie beside those of all other branches by now."""
    carry: dict[str, Any] = work.run.carry
    adds = recipe_named(work.run.recipe).inserts
    return carry | {"next_slot": unused_slot(work.session)} if adds else carry


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

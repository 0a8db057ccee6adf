"""Resuming a run: the steps that are still to come, wherever it was left."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from core.jobs.leases import Lease
from inference import runtime
from inference.engine.canvas import Canvas
from inference.engine.checkpoint import LoadedModel
from inference.engine.decoding import loop
from inference.engine.decoding.recipes import recipe_named
from inference.engine.decoding.step_result import StepResult
from inference.engine.forward import ForwardMany
from inference.runtime.suspended import SUSPENDED
from visualizer.models import Generation, Run, Session
from visualizer.selectors.history import StateRef, state_at
from visualizer.worker.session_model import model_of
from visualizer.worker.slots import unused_slot

StateOf = Callable[[int], Canvas]
"""The canvas after the step of this number."""
Make = Callable[[Canvas, int, dict[str, Any]], Iterator[StepResult]]
"""The steps after a canvas, its number and the run's memory there."""


@dataclass
class RunProgress:
    """A run under a lease, and how far it has come."""

    lease: Lease
    session: Session
    run: Run
    canvas: Canvas
    number: int
    generation: Generation | None = None
    stop_asked: bool = False
    command_waits: bool = False
    """As of the last step that was written."""
    stale: bool = False
    """Whether what stands here may be more than what the database kept."""

    @property
    def ref(self) -> StateRef:
        return StateRef(self.run.branch_id, self.number)

    def reread_if_stale(self) -> None:
        """After a step that was rolled back: the run's memory, and how far its text was told."""
        if self.stale:
            self.run.refresh_from_db(fields=["carry", "attempts"])
            if self.generation is not None:
                self.generation.refresh_from_db(fields=["text"])
            self.stale = False


@dataclass(frozen=True)
class Suspended:
    """Steps still to come after step `number`, whose canvas is given: those that are `made`, and
    behind them `results`."""

    number: int
    canvas: Canvas
    results: Iterator[StepResult]
    made: Sequence[Any] = ()

    def fits(self, number: int, canvas: Canvas) -> bool:
        """Whether these are the steps that come next; hands may have been at work in between."""
        return self.number == number and _contents(self.canvas) == _contents(canvas)


def _contents(canvas: Canvas) -> list[tuple[int, int, bool]]:
    return [(slot.id, slot.token, slot.locked) for slot in canvas.slots]


def resumed(work: RunProgress, forward: ForwardMany) -> Suspended:
    """The run from here on; what only memory knows comes from there, or by making steps again."""
    kept: Suspended | None = SUSPENDED.take(key_of(work.run), model_of(work.session))
    if kept is not None and kept.fits(work.number, work.canvas):
        return kept
    return Suspended(work.number, work.canvas, _anew(work, forward))


def _anew(work: RunProgress, forward: ForwardMany) -> Iterator[StepResult]:
    def state_of(number: int) -> Canvas:
        if number == work.number:
            return work.canvas
        return state_at(work.session, StateRef(work.run.branch_id, number))

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


def _carry(work: RunProgress) -> dict[str, Any]:
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
    work: RunProgress, canvas: Canvas, number: int, carry: dict[str, Any], forward: ForwardMany
) -> Iterator[StepResult]:
    return loop.generate(
        model_of(work.session),
        canvas,
        work.run.recipe,
        work.run.parameters,
        work.session.seed if work.run.seed is None else work.run.seed,
        number + 1,
        first_step=work.run.first_step,
        carry=carry,
        forward=forward,
    )


def suspend(
    work: RunProgress, canvas: Canvas, results: Iterator[StepResult], made: Sequence[Any] = ()
) -> None:
    """Only what could not be taken up from the database without repeating anything is kept."""
    model = runtime.get(work.session.model.slug)
    if model is not None and recipe_named(work.run.recipe).repeats is not None:
        value = Suspended(work.number, canvas, results, made)
        SUSPENDED.put(key_of(work.run), model, value, _size(model, work.session))


def _size(model: LoadedModel, session: Session) -> int:
    """Bytes of the logits of two passes over a block, which is what such a run remembers."""
    return 2 * 4 * model.spec.vocab_size * session.block_length


def key_of(run: Run) -> tuple[str, int]:
    """What a run is called among all that is suspended in this process."""
    return "run", run.pk

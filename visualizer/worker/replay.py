"""Running a record's runs again, to see whether the same tokens come out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from inference.engine.canvas import Canvas, Operation, fold
from inference.engine.checkpoint import LoadedModel
from inference.engine.decoding.loop import generate
from inference.engine.decoding.step_result import StepResult
from inference.errors import UnmaskError
from visualizer.records import schema
from visualizer.records.schema import Record
from visualizer.worker.resume import taken_up

Steps = list[schema.Step]
Placed = set[tuple[int, str, int | None]]
"""Operations: where in the canvas before the step, what, and with which token."""


@dataclass(frozen=True)
class Replayed:
    """A step of a run: `differing` lists the slots for which something else came out."""

    branch: int
    number: int
    recipe: str
    differing: list[int]


def check_model(record: Record, model: LoadedModel) -> None:
    """Raises UnmaskError unless the record was made with these weights and this tokenizer."""
    for name in ("weights_hash", "tokenizer_hash"):
        made, here = getattr(record.model, name), getattr(model, name)
        if made != here:
            raise UnmaskError(
                "model_unavailable",
                f"The record was made with another model: its {name} is {str(made)[:12]}…, "
                f"here it is {str(here)[:12]}….",
                f"model.{name}",
            )


def replay(record: Record, model: LoadedModel) -> Iterator[Replayed]:
    """Every step of every run, made again from the state before the run with the same seed."""
    start = record.session
    states: dict[tuple[int, int], Canvas] = {}
    for branch in record.branches:
        canvas = Canvas.start(start.prompt_ids, start.gen_length, start.mask_id)
        if branch.parent is not None:
            canvas = states[branch.parent, branch.fork_number]
        line = _Line(model, start.seed, {branch.fork_number: canvas})
        for run, group in groupby(branch.steps, key=lambda step: step.run):
            steps = list(group)
            line.follow(steps)
            if run is not None:
                for number, differing in line.again(run, steps):
                    yield Replayed(branch.id, number, steps[0].recipe, differing)
        states |= {(branch.id, number): state for number, state in line.states.items()}


@dataclass(frozen=True)
class _Line:
    """A branch with its states so far, and where its runs are: steps by hand may interrupt them."""

    model: LoadedModel
    seed: int
    states: dict[int, Canvas]
    carries: dict[int, dict[str, Any]] = field(default_factory=dict)
    firsts: dict[int, int] = field(default_factory=dict)

    def follow(self, steps: Steps) -> None:
        """The states after the steps, as the record has them."""
        for step in steps:
            self.states[step.number] = fold(self.states[step.number - 1], [operations_of(step)])

    def again(self, run: schema.RunOf, steps: Steps) -> Iterator[tuple[int, list[int]]]:
        """Number and differing slots of each; the steps follow on each other."""
        canvas = there = self.states[steps[0].number - 1]
        made = self._made(run, steps[0])
        for step in steps:
            result, old = next(made, None), operations_of(step)
            fresh = _placed([] if result is None else result.operations, there)
            yield step.number, _slots(canvas, _placed(old, canvas) ^ fresh)
            canvas = self.states[step.number]
            if result is not None:
                there, self.carries[run.id] = result.canvas, result.carry

    def _made(self, run: schema.RunOf, step: schema.Step) -> Iterator[StepResult]:
        """The run from this step on, as a worker takes it up."""
        seed = self.seed if run.seed is None else run.seed
        first = self.firsts.setdefault(run.id, run.first_step or step.number)

        def make(canvas: Canvas, number: int, carry: dict[str, Any]) -> Iterator[StepResult]:
            return generate(
                self.model, canvas, step.recipe, run.parameters, seed, number + 1,
                first_step=first, carry=carry,
            )  # fmt: skip

        carry, before = self.carries.get(run.id, {}), step.number - 1
        return taken_up(step.recipe, before, carry, self.states.__getitem__, make)


def operations_of(step: schema.Step) -> list[Operation]:
    """The step's operations as the canvas takes them."""
    return [operation.model_dump(exclude_unset=True) for operation in step.operations]


def _placed(operations: list[Operation], before: Canvas) -> Placed:
    """By positions: what ids added places got depended on the record's other branches."""
    at = before.position_of
    return {(at.get(op["slot"], -1), op["op"], op.get("token")) for op in operations}


def _slots(canvas: Canvas, differing: Placed) -> list[int]:
    """The record's slots at the positions, -1 where it has none."""
    ids = dict(enumerate(slot.id for slot in canvas.slots))
    return sorted({ids.get(position, -1) for position, *_ in differing})

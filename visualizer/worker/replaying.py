"""Running a record's runs again, to see whether the same tokens come out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from inference.engine.canvas import Canvas, Operation, fold
from inference.engine.checkpoint import LoadedModel
from inference.engine.decoding.loop import generate
from inference.errors import UnmaskError
from visualizer import records
from visualizer.records import Record

Steps = list[records.Step]


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
        states[branch.id, branch.fork_number] = canvas
        for run, group in groupby(branch.steps, key=lambda step: step.run):
            steps = list(group)
            if run is not None:
                for number, differing in _again(record, model, canvas, steps, run.parameters):
                    yield Replayed(branch.id, number, steps[0].recipe, differing)
            for step in steps:
                canvas = fold(canvas, [operations_of(step)])
                states[branch.id, step.number] = canvas


def operations_of(step: records.Step) -> list[Operation]:
    """The step's operations as the canvas takes them."""
    return [operation.model_dump(exclude_unset=True) for operation in step.operations]


def _again(
    record: Record, model: LoadedModel, canvas: Canvas, steps: Steps, parameters: dict[str, Any]
) -> Iterator[tuple[int, list[int]]]:
    first = steps[0].number
    made = generate(
        model, canvas, steps[0].recipe, parameters, record.session.seed, first, first_step=first
    )
    for step in steps:
        result = next(made, None)
        fresh = [] if result is None else result.operations
        yield step.number, _differing(operations_of(step), fresh)


def _differing(old: list[Operation], fresh: list[Operation]) -> list[int]:
    told, made = ({(op["slot"], op["op"], op.get("token")) for op in ops} for ops in (old, fresh))
    return sorted({slot for slot, *_ in told ^ made})

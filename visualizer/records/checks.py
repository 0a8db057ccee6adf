"""Whether the fields of a record mean something together: tree, numbers, operations."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NoReturn

from pydantic import ValidationError

from core.commands.field_errors import field_of
from inference.engine.canvas import Canvas, CanvasError, fold
from inference.errors import UnmaskError
from visualizer.records import schema
from visualizer.records.chain import verify
from visualizer.records.schema import Record

Raw = dict[str, Any]
RunSeen = tuple[int, str, schema.RunOf]
"""Branch, recipe and what else is told of a run: the same at each of its steps."""


def checked(raw: Raw) -> Record:
    """The record with its types, verified by its chain if it has one.

    Raises UnmaskError naming the first field that is wrong.
    """
    version = raw.get("version")
    whole = type(version) is int  # neither true nor 1.0, which are equal to 1
    if raw.get("format") != schema.FORMAT or not whole or version not in schema.VERSIONS:
        known = " or ".join(map(str, schema.VERSIONS))
        raise UnmaskError(
            "validation", f"This is not a record of version {known} of Unmask.", "version"
        )
    try:
        record = Record.model_validate(raw)
    except ValidationError as error:
        field = field_of(error.errors(include_url=False, include_input=False), raw)
        raise UnmaskError("validation", f"The record is damaged at {field}.", field) from None
    verify(raw)
    return record


def check_tree(record: Record) -> None:
    """Parents come first, so there are no cycles; numbers have no gaps; the head is somewhere."""
    known: dict[int, schema.Branch] = {}
    runs: dict[int, RunSeen] = {}
    for index, branch in enumerate(record.branches):
        where = f"branches.{index}"
        _check_fork(branch, known, where)
        _check_numbers(branch, where)
        for step in branch.steps:
            _check_run(step, branch, runs, where)
        known[branch.id] = branch
    head = known.get(record.session.head.branch)
    if head is None or record.session.head.number > head.tip:
        _damaged("session.head", "it leads nowhere")


def _check_fork(branch: schema.Branch, known: dict[int, schema.Branch], where: str) -> None:
    if branch.id in known:
        _damaged(f"{where}.id", "it is there twice")
    if (branch.parent is None) != (not known):
        _damaged(f"{where}.parent", "one branch, the first, has no parent")
    if branch.parent is None:
        if branch.fork_number or branch.pruned:
            _damaged(f"{where}.fork_number", "the first branch begins at 0 and is not pruned")
        return
    parent = known.get(branch.parent)
    if parent is None:
        _damaged(f"{where}.parent", "parents stand before their children")
    if not _first(parent) <= branch.fork_number <= parent.tip:
        _damaged(f"{where}.fork_number", "it is no step of the parent")


def _first(branch: schema.Branch) -> int:
    """The first number whose state is the branch's own; the start is the first branch's."""
    return 0 if branch.parent is None else branch.fork_number + 1


def _check_numbers(branch: schema.Branch, where: str) -> None:
    numbers = [step.number for step in branch.steps]
    if numbers != list(range(branch.fork_number + 1, branch.fork_number + 1 + len(numbers))):
        _damaged(f"{where}.steps", "the numbers have gaps")
    kept = [forward.number for forward in branch.forwards]
    inside = all(_first(branch) <= number <= branch.tip for number in kept)
    if not inside or len(set(kept)) < len(kept):
        _damaged(f"{where}.forwards", "each belongs to one step of the branch")
    noted = [note.number for note in branch.notes]
    within = all(_first(branch) <= number <= branch.tip for number in noted)
    if not within or len(set(noted)) < len(noted):
        _damaged(f"{where}.notes", "each belongs to one step of the branch")


def _check_run(
    step: schema.Step, branch: schema.Branch, runs: dict[int, RunSeen], where: str
) -> None:
    if (step.by == "run") != (step.run is not None):
        _damaged(f"{where}.steps", "a run is named by its steps alone")
    if step.run is None:
        return
    first = step.run.first_step or step.number
    if step.run.id not in runs and not branch.fork_number < first <= step.number:
        _damaged(f"{where}.steps", "a run begins on its branch, not after its first step")
    told = (branch.id, step.recipe, step.run)
    if runs.setdefault(step.run.id, told) != told:
        _damaged(f"{where}.steps", "a run lies on one branch and is told of in one way")


def check_states(record: Record, raw: Raw) -> None:
    """Every operation fits the state that it changes.

    Only states from which branches go on are kept, and none with what it knows of its places.
    """
    forks = {(branch.parent, branch.fork_number) for branch in record.branches}
    start = record.session
    origin = Canvas.start(start.prompt_ids, start.gen_length, start.mask_id)
    states: dict[tuple[int | None, int], Canvas] = {}
    for index, branch in enumerate(record.branches):
        canvas = replace(states.get((branch.parent, branch.fork_number), origin))
        waiting = []
        for step, text in zip(branch.steps, raw["branches"][index]["steps"], strict=True):
            waiting.append(text["operations"])
            if (branch.id, step.number) in forks or step is branch.steps[-1]:
                canvas, waiting = _folded(canvas, waiting, index), []
            if (branch.id, step.number) in forks:
                states[branch.id, step.number] = replace(canvas)


def _folded(canvas: Canvas, steps: list[Any], index: int) -> Canvas:
    try:
        return fold(canvas, steps)
    except CanvasError as error:
        _damaged(f"branches.{index}.steps", str(error))


def _damaged(field: str, why: str) -> NoReturn:
    raise UnmaskError("validation", f"The record is damaged at {field}: {why}.", field)

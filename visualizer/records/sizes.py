"""How long a record's canvas gets and how much work its steps are, told before any is done.

Putting in or taking out a place builds the whole row anew, and a page goes through every state
of the line that it shows. Nobody shall be able to keep a server busy with a small file.
"""

from __future__ import annotations

from typing import NamedTuple, NoReturn

from inference.errors import UnmaskError
from inference.limits import LIMITS
from visualizer.records import schema
from visualizer.records.schema import Record

MOST_PLACES = schema.MOST_PROMPT + int(LIMITS["gen_length"].high)
"""Length of a canvas whose model has not told its context yet."""
RESIZE, BRANCH = 4, 64
"""What an insert or delete, and a branch with the states that it keeps, cost; a step costs 1."""
LINE_WORK = 2**26
"""Places times cost along one line: some seconds each time that it is shown."""
RECORD_WORK = 4 * LINE_WORK
"""The same over all branches: some seconds, once, while the record is read."""


class Extent(NamedTuple):
    """A state's length in places, and the work of the line that leads there."""

    length: int
    work: int


def check_sizes(record: Record, context: int) -> None:
    """Raises UnmaskError unless the canvas fits the context (0: unknown) and the work is bounded.

    The rules are those by which sessions are begun and worked on.
    """
    most, start = context or MOST_PLACES, record.session
    first = Extent(len(start.prompt_ids) + start.gen_length, 0)
    if first.length > most:
        _too_long(first.length, most, "session.gen_length")
    known: dict[tuple[int | None, int], Extent] = {}
    work = 0
    for index, branch in enumerate(record.branches):
        begin = end = known.get((branch.parent, branch.fork_number), first)
        for step in branch.steps:
            end = known[branch.id, step.number] = _after(step, end, most, index)
        work += BRANCH * begin.length + end.work - begin.work
        if end.work > LINE_WORK or work > RECORD_WORK:
            _too_much(index)


def _after(step: schema.Step, before: Extent, most: int, index: int) -> Extent:
    new = sum(len(operation.new or ()) for operation in step.operations)
    gone = sum(operation.op == "delete" for operation in step.operations)
    resizes = gone + sum(operation.op == "insert" for operation in step.operations)
    longest = before.length + new
    if new and not _may_grow(step, before.length, new, gone, most):
        _too_long(longest, most, f"branches.{index}.steps")
    work = before.work + longest * (1 + RESIZE * resizes)
    return Extent(max(0, longest - gone), work)


def _may_grow(step: schema.Step, length: int, new: int, gone: int, most: int) -> bool:
    """Up to the context, by a run's step counting what it takes out (DAEDAL cuts what exceeds it).

    A run's step that begins below the context may also make two of each place (DreamOn).
    """
    if step.by != "run":
        return length + new <= most
    return length < most and (new <= length or length + new - gone <= most)


def _too_long(length: int, most: int, field: str) -> NoReturn:
    raise UnmaskError(
        "validation", f"The record's canvas has {length} tokens; the model takes {most}.", field
    )


def _too_much(index: int) -> NoReturn:
    raise UnmaskError(
        "validation",
        f"The record is too large to be shown: branch {index} has too many steps, inserts and "
        "deletes for a canvas of its length.",
        f"branches.{index}.steps",
    )

"""Sessions and jobs of the Lab as CSV, in cells that no spreadsheet takes for a formula."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from typing import Any

from inference.engine.canvas import Canvas, Operation
from visualizer.models import Branch, LabJob, Note, Session, Step
from visualizer.records.rows import CHUNK, steps_of
from visualizer.selectors.history import StateRef, branches_of, state_at
from visualizer.selectors.labels import Labels, labels_for

MARK = "\ufeff"
"""Byte order mark: without it spreadsheets read a CSV in the machine's own code page."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
COLUMNS = (
    "branch",
    "branch_name",
    "step",
    "recipe",
    "by",
    "op",
    "slot",
    "position",
    "token_id",
    "token",
    "text",
    "probability",
    "ms",
)


class _Echo:
    """A file whose writes are returned."""

    def write(self, text: str) -> str:
        return text


def steps_csv(session: Session) -> Iterator[str]:
    """One line for each operation of each step and for each note, branch by branch."""
    writer = csv.writer(_Echo())
    yield MARK + writer.writerow(COLUMNS)
    labels = labels_for(session)
    for branch in branches_of(session).values():
        canvas = state_at(session, StateRef(branch.pk, branch.fork_number))
        notes = dict(Note.objects.filter(branch=branch).values_list("number", "text"))
        yield from _noted(writer, branch, 0, notes)
        for step in steps_of(branch).iterator(chunk_size=CHUNK):
            after = canvas.apply(step.operations)
            written = _texts(after, labels)
            for operation in step.operations:
                row = _row(branch, step, operation, canvas, labels, written)
                yield writer.writerow([neutral(cell) for cell in row])
            yield from _noted(writer, branch, step.number, notes)
            canvas = after


def _noted(writer: Any, branch: Branch, number: int, notes: dict[int, str]) -> Iterator[str]:
    """The line of a step's note, if it has one."""
    if number in notes:
        row = [branch.pk, branch.name, number, "", "hand", "note", "", "", "", ""]
        yield writer.writerow([neutral(cell) for cell in [*row, notes[number], "", ""]])


def _texts(canvas: Canvas, labels: Labels) -> dict[int, str]:
    """Slot → the whole characters in which its token has a share."""
    found = labels.decode(canvas.tokens)
    spans = zip(canvas.slots, found.spans, strict=True)
    return {slot.id: found.text[start:end] for slot, (start, end) in spans}


def _row(
    branch: Branch,
    step: Step,
    operation: Operation,
    canvas: Canvas,
    labels: Labels,
    written: dict[int, str],
) -> list[Any]:
    """`canvas` is that before the step, `written` what its slots read as after it."""
    token = operation.get("token")
    return [
        branch.pk,
        branch.name,
        step.number,
        step.recipe,
        operation.get("by", "run" if step.run_id else "hand"),
        operation["op"],
        operation["slot"],
        canvas.position_of.get(operation["slot"], ""),
        "" if token is None else token,
        "" if token is None else labels(token),
        "" if token is None else written.get(operation["slot"], ""),
        operation.get("p", ""),
        step.timings.get("total", ""),
    ]


def lab_csv(job: LabJob) -> Iterator[str]:
    """A job's rows, one line each, with what was measured on.

    `low` and `high` are the ends of the first mark's interval over seeds and cases.
    """
    writer = csv.writer(_Echo())
    marks = list(job.results[0]["marks"]) if job.results else []
    measured = ("steps", "passes", "tokens_per_pass", "milliseconds")
    ends = ("seeds", "block_length", "low", "high")
    told = ("task", "model", "cases", "seed", "recipe", "parameters")
    yield MARK + writer.writerow([*told, *measured, *ends, *map(neutral, marks)])
    for row in job.results:
        own = json.dumps(job.parameters.get(row["recipe"], {}), sort_keys=True)
        low, high = next(iter(row.get("intervals", {}).values()), ("", ""))
        cells = [job.task, job.model.slug, job.count, job.seed, row["recipe"], own]
        cells += [row[key] for key in measured]
        cells += [job.seeds, row.get("block_length") or "", low, high]
        cells += [row["marks"].get(mark, "") for mark in marks]
        yield writer.writerow([neutral(cell) for cell in cells])


def neutral(cell: Any) -> Any:
    """A cell that no spreadsheet takes for a formula. Numbers stay numbers."""
    if isinstance(cell, str) and cell.startswith(_FORMULA):
        return "'" + cell
    return cell

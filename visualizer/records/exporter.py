"""Records of sessions for download: one versioned JSON document, the steps as CSV, the text.

Both are made piece by piece from rows that are read in chunks. A page puts the pieces together
before it answers: a failure halfway is an error then, and never half a file that looks whole.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from django.db.models import QuerySet

from inference.engine.canvas import Canvas, Operation
from visualizer.models import Branch, Digest, LabJob, Note, Run, Session, Step
from visualizer.records.chain import Chain
from visualizer.records.schema import FORMAT, VERSION
from visualizer.selectors.event_payloads import branch_payload
from visualizer.selectors.history import StateRef, branches_of, head_of, state_at, tip
from visualizer.selectors.labels import Labels, labels_for

CHUNK = 200
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


class Format(NamedTuple):
    """One kind of download."""

    content_type: str
    suffix: str
    write: Callable[[Session], Iterator[str]]


def record(session: Session) -> Iterator[str]:
    """The JSON record in pieces: everything that is needed to show or to make the session again."""
    head = _header(session)
    chain = Chain(head)
    yield json.dumps(head, ensure_ascii=False, allow_nan=False, indent=1)[:-2]
    yield ',\n "branches": [\n'
    for index, row in enumerate(branches_of(session).values()):
        branch = _branch(row)
        chain.add(branch)
        yield (",\n" if index else "") + _compact(branch)[:-1] + ', "steps": ['
        last = tip(row)  # a run may go on meanwhile: what it adds is left out as a whole
        steps = map(_step, _up_to(_steps(row), last))
        yield from _listed({**step, "hash": chain.add(step)} for step in steps)
        yield '], "forwards": ['
        yield from _listed(_chained(chain, map(_forward, _up_to(_forwards(row), last))))
        yield "]}"
    yield f'\n ],\n "chain": "{chain.hash}"\n}}\n'


def _chained(chain: Chain, parts: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for part in parts:
        chain.add(part)
        yield part


def _header(session: Session) -> dict[str, Any]:
    head = head_of(session)
    text = labels_for(session).decode(state_at(session, head).tokens).text
    return {
        "format": FORMAT,
        "version": VERSION,
        "session": {
            "id": str(session.pk),
            "title": session.title,
            "created": session.created.isoformat(),
            "prompt": session.prompt,
            "prompt_ids": session.prompt_ids,
            "gen_length": session.gen_length,
            "block_length": session.block_length,
            "mask_id": session.mask_id,
            "seed": session.seed,
            "special_tokens": session.special_tokens,
            "chat": session.chat,
            "settings": session.settings,
            "head": {"branch": head.branch, "number": head.number},
            "text": text,
        },
        "model": {"slug": session.model.slug, "label": session.model.label, **session.provenance},
    }


def _branch(branch: Branch) -> dict[str, Any]:
    """`pruned_at` tells which branches were put away together; `notes` only if there are any."""
    when = branch.pruned.isoformat() if branch.pruned else None
    notes = list(Note.objects.filter(branch=branch).values("number", "text"))
    own = {"notes": notes} if notes else {}
    return {**branch_payload(branch), "pruned_at": when, **own}


def _step(step: Step) -> dict[str, Any]:
    run = step.run
    return {
        "number": step.number,
        "recipe": step.recipe,
        "by": "run" if run else "manual",
        "operations": step.operations,
        "settings": step.settings,
        "timings": step.timings,
        "run": _run(run) if run else None,
        "created": step.created.isoformat(),
    }


def _run(run: Run) -> dict[str, Any]:
    kept = ("parameters", "keep_settled", "first_step")
    own = {} if run.seed is None else {"seed": run.seed}
    return {"id": run.pk, **{name: getattr(run, name) for name in kept}, **own}


def _forward(row: Digest) -> dict[str, Any]:
    return {"number": row.number, "settings": row.settings, **row.summary}


def _steps(branch: Branch) -> QuerySet[Step]:
    return Step.objects.filter(branch=branch).select_related("run")


def _forwards(branch: Branch) -> QuerySet[Digest]:
    return Digest.objects.filter(branch=branch).order_by("number").defer("data")


def _up_to(rows: QuerySet[Any], last: int) -> Iterator[Any]:
    return rows.filter(number__lte=last).iterator(chunk_size=CHUNK)


def _listed(rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    for index, row in enumerate(rows):
        yield (",\n" if index else "\n") + _compact(row)


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


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
        for step in _steps(branch).iterator(chunk_size=CHUNK):
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


def plain_text(session: Session) -> Iterator[str]:
    """The text of the head: prompt and canvas, special tokens and masks written out."""
    yield labels_for(session).decode(state_at(session, head_of(session)).tokens).text


FORMATS: dict[str, Format] = {
    "json": Format("application/json", "json", record),
    "csv": Format("text/csv; charset=utf-8", "csv", steps_csv),
    "txt": Format("text/plain; charset=utf-8", "txt", plain_text),
}

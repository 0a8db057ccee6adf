"""The passes of a generation, from its steps and the digests that they were decided on."""

from __future__ import annotations

import math
from typing import Any

from core.generation.trace import Pass, Position, Write
from inference.engine.canvas import Canvas, fold
from inference.engine.digest_view import DigestView
from visualizer.models import Digest, Generation, Run, Session, Step
from visualizer.selectors.history import start_of
from visualizer.selectors.labels import Labels, labels_for

WRITES, OPENS, MOVES = ("commit", "edit"), ("remask",), ("insert", "delete")


def positions_of(row: Generation) -> list[Position] | None:
    """The canvas behind the prompt; all of it where the gaps lie inside."""
    if row.session is None:
        return None
    canvas, labels = start_of(row.session), labels_for(row.session)
    return [
        Position(slot.id, None if slot.token == canvas.mask_id else labels(slot.token))
        for slot in canvas.slots[_first(row.session) :]
    ]


def _first(session: Session) -> int:
    return len(session.prompt_ids) if session.gen_length else 0


def passes_of(row: Generation, after: int) -> list[Pass]:
    """The run's steps after a number."""
    if row.session is None or row.run is None:
        return []
    steps = list(Step.objects.filter(run=row.run).order_by("number"))
    canvas = fold(start_of(row.session), [step.operations for step in steps[:after]])
    labels, first = labels_for(row.session), _first(row.session)
    views = _views(row.run, steps[after:])
    found = []
    for number, step in enumerate(steps[after:], after + 1):
        found.append(_pass(number, step, canvas, first, labels, views.get(step.number - 1)))
        canvas = canvas.apply(step.operations)
    return found


def _views(run: Run, steps: list[Step]) -> dict[int, DigestView]:
    numbers = [step.number - 1 for step in steps]
    kept = Digest.objects.filter(branch=run.branch_id, number__in=numbers)
    return {row.number: DigestView.from_bytes(bytes(row.data)) for row in kept if row.data}


def _pass(
    number: int, step: Step, before: Canvas, first: int, labels: Labels, view: DigestView | None
) -> Pass:
    operations = step.operations
    at = before.position_of
    moved = any(one["op"] in MOVES for one in operations)
    after = before.apply(operations) if moved else before
    return Pass(
        number,
        [
            Write(one["slot"], labels(one["token"]), _logprob(view, at.get(one["slot"]), one))
            for one in operations
            if one["op"] in WRITES
        ],
        [one["slot"] for one in operations if one["op"] in OPENS],
        [slot.id for slot in after.slots[first:]] if moved else None,
        _heat(view, before, first),
        step.timings.get("total"),
    )


def _logprob(view: DigestView | None, position: int | None, one: dict[str, Any]) -> float | None:
    """Of the written token at temperature 1; None if it is not among those that are kept."""
    row = None if view is None or position is None else view.row_of.get(position)
    if view is None or row is None:
        return None
    ids = view.ids[row].tolist()
    if one["token"] not in ids:
        return None
    chance = float(view.probabilities(1.0, row)[ids.index(one["token"])])
    return round(math.log(chance), 4) if chance > 0 else None


def _heat(view: DigestView | None, canvas: Canvas, first: int) -> list[tuple[int, float]]:
    """The best probability at each open place of the state that the pass read."""
    if view is None:
        return []
    best, open_ = view.p1(), set(canvas.open_positions)
    return [
        (canvas.slots[position].id, round(float(best[row]), 4))
        for row, position in enumerate(view.positions.tolist())
        if position >= first and position in open_
    ]

"""A snapshot: all that a page needs, as of one number of the session's stream.

Snapshot at N and the events after N give the snapshot at M; a test says so for every command.
"""

from __future__ import annotations

from typing import Any

from django.db import transaction

from inference.engine.canvas import Canvas
from inference.models import Stream
from visualizer.models import Branch, Session, Step
from visualizer.selectors import event_payloads
from visualizer.selectors.answers import answer_of
from visualizer.selectors.history import (
    StateRef,
    branches_of,
    digests_on,
    head_of,
    start_of,
    steps_on,
    tips_of,
)
from visualizer.selectors.labels import Labels, labels_for
from visualizer.selectors.notes import notes_of
from visualizer.selectors.runs import front_run

_TRIES = 4


def last_number(session: Session) -> int:
    """The number of the session's newest event."""
    return Stream.objects.values_list("last_number", flat=True).get(pk=session.stream_id)


def snapshot(
    session: Session, branch: int | None = None, number: int | None = None
) -> dict[str, Any]:
    """The snapshot with the canvas at (branch, number), the head by default.

    Every change comes with an event in its transaction, so a number that is the same before and
    after the reading proves that what was read belongs together.
    """
    for _ in range(_TRIES):
        before = last_number(session)
        result = _read(_fresh(session), branch, number)
        if last_number(session) == before:
            return {"t": "snapshot", "number": before, **result}
    with transaction.atomic():
        Stream.objects.select_for_update().get(pk=session.stream_id)
        result = _read(_fresh(session), branch, number)
        return {"t": "snapshot", "number": last_number(session), **result}


def _fresh(session: Session) -> Session:
    return Session.objects.select_related("model__vocabulary").get(pk=session.pk)


def _read(session: Session, branch: int | None, number: int | None) -> dict[str, Any]:
    branches, tips, labels = branches_of(session), tips_of(session), labels_for(session)
    head = head_of(session)
    ref = StateRef(branch or head.branch, head.number if number is None else number)
    end = StateRef(ref.branch, max(tips[ref.branch], ref.number))
    steps = list(steps_on(branches, end))
    canvas, commits, told = replay(session, steps, ref.number, labels)
    forwards = list(digests_on(branches, end).defer("data"))
    entropy = {row.number: row.summary.get("entropy") for row in forwards}
    return {
        "session": _session(session),
        "branches": [_branch(row, tips) for row in branches.values()],
        "head": {"branch": ref.branch, "number": ref.number},
        "slots": slots_of(canvas, labels),
        "commits": commits,
        "steps": [{**step, "entropy": entropy.get(step["number"])} for step in told],
        "heat": {str(row.number): row.summary.get("heat", "") for row in forwards},
        "forwards": {str(row.number): event_payloads.forward_payload(row) for row in forwards},
        "staged": event_payloads.staged_payload(session),
        "run": event_payloads.run_payload(front_run(session)),
        "notes": [
            event_payloads.note_payload(row.branch_id, row.number, row.text)
            for row in notes_of(session)
        ],
    }


def _session(session: Session) -> dict[str, Any]:
    return {
        "id": str(session.pk),
        **event_payloads.session_payload(session),
        "special": labels_for(session).special,
        "answer": answer.told() if (answer := answer_of(session)) else None,
        "prompt_length": len(session.prompt_ids),
        "mask_id": session.mask_id,
    }


def _branch(branch: Branch, tips: dict[int, int]) -> dict[str, Any]:
    return {**event_payloads.branch_payload(branch), "steps": tips[branch.pk] - branch.fork_number}


def replay(
    session: Session, steps: list[Step], number: int, labels: Labels
) -> tuple[Canvas, dict[str, list[Any]], list[dict[str, Any]]]:
    """The canvas after step `number`, slot → [step, p] of its commits, and all steps as told."""
    canvas = shown = start_of(session)
    commits: dict[str, list[Any]] = {}
    told = []
    for step in steps:
        told.append(event_payloads.step_payload(step, canvas, labels))
        canvas = canvas.apply(step.operations)
        if step.number <= number:
            shown = canvas
            _note(commits, step)
    return shown, commits, told


def _note(commits: dict[str, list[Any]], step: Step) -> None:
    for operation in step.operations:
        slot = str(operation["slot"])
        if operation["op"] in ("commit", "edit"):
            commits[slot] = [step.number, operation.get("p")]
        elif operation["op"] in ("remask", "delete"):
            commits.pop(slot, None)


def slots_of(canvas: Canvas, labels: Labels) -> list[list[Any]]:
    """[slot id, token, label, by, prompt 0|1, locked 0|1] of every slot, and 1 if it is surplus."""
    return [
        [slot.id, slot.token, labels(slot.token), slot.by, int(slot.prompt), int(slot.locked)]
        + [1] * slot.surplus
        for slot in canvas.slots
    ]

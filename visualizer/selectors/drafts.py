"""How the canvas of a generation changed step by step: what its `draft` events tell."""

from __future__ import annotations

from typing import Any

from inference.engine.canvas import Canvas
from visualizer.models import Generation, Session, Step
from visualizer.selectors.event_payloads import step_payload
from visualizer.selectors.history import start_of
from visualizer.selectors.labels import labels_for

Draft = dict[str, Any]


def first_draft(session: Session, canvas: Canvas) -> Draft:
    """The whole canvas before the first step: a label for each place, the prompt's too."""
    labels = labels_for(session)
    return {
        "step": 0,
        "ops": [],
        "masked": len(canvas.open_positions),
        "canvas": [labels(slot.token) for slot in canvas.slots],
        "mask": labels(canvas.mask_id),
        "prompt_length": canvas.prompt_length,
    }


def draft_from(told: dict[str, Any]) -> Draft:
    """What a step did to the canvas, from its event's payload."""
    return {"step": told["number"], "ops": told["ops"], "masked": told["masked"]}


def drafts_of(row: Generation) -> list[Draft]:
    """All drafts of a generation, from the steps of its run; none before it has a session."""
    if row.session is None or row.run_id is None:
        return []
    session = row.session
    labels, canvas = labels_for(session), start_of(session)
    told = [first_draft(session, canvas)]
    for step in Step.objects.filter(run=row.run_id).order_by("number"):
        after = canvas.apply(step.operations)
        told.append(draft_from(step_payload(step, canvas, labels, after)))
        canvas = after
    return told

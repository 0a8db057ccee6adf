"""Payloads of the session stream's events, made from rows."""

from __future__ import annotations

from typing import Any

from inference.engine.canvas import Canvas, Operation
from visualizer.models import Branch, Digest, Run, Session, Step
from visualizer.selectors.edit_tokens import choice_labels_for
from visualizer.selectors.labels import Labels
from visualizer.selectors.run_names import recipe_label


def session_payload(session: Session) -> dict[str, Any]:
    return {
        "title": session.title,
        "status": "deleted" if session.deleted else "live",
        "model": session.model.slug,
        "gen_length": session.gen_length,
        "block_length": session.block_length,
        "seed": session.seed,
        "settings": session.settings,
    }


def branch_payload(branch: Branch) -> dict[str, Any]:
    return {
        "id": branch.pk,
        "name": branch.name,
        "parent": branch.parent_id,
        "fork_number": branch.fork_number,
        "marked": branch.marked,
        "pruned": branch.pruned is not None,
    }


def note_payload(branch: int, number: int, text: str) -> dict[str, Any]:
    """A note as it is now; an empty text: there is none any more."""
    return {"branch": branch, "number": number, "text": text}


def run_payload(run: Run | None) -> dict[str, Any] | None:
    if run is None:
        return None
    return {
        "id": run.pk,
        "status": run.status,
        "recipe": run.recipe,
        "branch": run.branch_id,
        "error": run.error,
    }


def staged_payload(session: Session) -> dict[str, Any]:
    """Picks with their labels; an editing token is called by what it does."""
    labels, chosen = choice_labels_for(session), session.staged.get("selections", {})
    return {
        "selections": {
            position: {**pick, "label": labels(pick["token"])} for position, pick in chosen.items()
        },
        "strategy": session.staged.get("strategy", ""),
    }


def forward_payload(digest: Digest) -> dict[str, Any]:
    return {"branch": digest.branch_id, "number": digest.number, **digest.summary}


def step_payload(
    step: Step, before: Canvas, labels: Labels, after: Canvas | None = None
) -> dict[str, Any]:
    """A step with its operations as a page wants them; `before` is the state that it changed.

    `after`: the state that it led to, if that is at hand.
    """
    return {
        "branch": step.branch_id,
        "number": step.number,
        "recipe": step.recipe,
        "label": recipe_label(step.recipe),
        "by": "run" if step.run_id else "manual",
        "ops": _shown(step.operations, before, labels),
        "masked": _open(after or before.apply(step.operations)),
        "ms": step.timings.get("total", 0),
    }


def _open(canvas: Canvas) -> int:
    """Masks that will be written: surplus places are cut."""
    return sum(not canvas.slots[position].surplus for position in canvas.open_positions)


def _shown(operations: list[Operation], before: Canvas, labels: Labels) -> list[dict[str, Any]]:
    """Operations with positions (at the moment when each one acts) and labels."""
    canvas, shown = before, []
    for operation in operations:
        position = canvas.position_of.get(operation["slot"], -1)
        entry = {**operation, "pos": position}
        if operation["op"] == "delete" and canvas.slots[position].surplus:
            entry["surplus"] = True
        token = operation.get("token")
        shown.append(entry if token is None else {**entry, "label": labels(token)})
        if operation["op"] in ("insert", "delete"):
            canvas = canvas.apply([operation])
    return shown

"""Starting runs."""

from __future__ import annotations

from typing import Any

from inference.errors import UnmaskError
from visualizer.selectors import head_of, state_at
from visualizer.selectors.events import run_payload
from visualizer.services.runs import start_run
from visualizer.worker.jobs import Job, Write
from visualizer.worker.recipes import prepared


def run(job: Job) -> Write:
    """run_changed: the run is queued; its steps are events of the session."""
    session, message = job.session, job.message
    canvas = state_at(session)
    if canvas.is_complete:
        raise UnmaskError("conflict", "Nothing is masked in this state. Rewind or remask first.")
    parameters = prepared(
        session, canvas, message.recipe, message.parameters, message.tokens_per_step
    )

    def write() -> dict[str, Any]:
        row = start_run(
            session=session,
            place=head_of(session),
            recipe=message.recipe,
            parameters=parameters,
            max_steps=message.max_steps,
        )
        return {"type": "run_changed", "run": run_payload(row)}

    return write

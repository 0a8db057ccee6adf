"""Starting runs."""

from __future__ import annotations

from typing import Any

from visualizer.selectors import head_of
from visualizer.selectors.events import run_payload
from visualizer.services.runs import start_run
from visualizer.worker.jobs import Job, Write
from visualizer.worker.recipes import check_recipe


def run(job: Job) -> Write:
    """run_changed: the run is queued; its steps are events of the session."""
    session, message = job.session, job.message
    parameters = dict(message.parameters)
    if message.tokens_per_step is not None:
        parameters["tokens_per_step"] = message.tokens_per_step
    check_recipe(message.recipe, parameters)

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

"""Starting runs."""

from __future__ import annotations

from typing import Any

from core.worker.executor import Write
from inference.engine.canvas import Canvas
from inference.errors import UnmaskError
from visualizer.commands.requests import Request
from visualizer.models import Session
from visualizer.selectors import head_of, state_at
from visualizer.selectors.event_payloads import branch_payload, run_payload
from visualizer.services.runs import Wanted, queue_runs, start_run
from visualizer.worker.run_parameters import prepared


def run(request: Request) -> Write:
    """run_changed: the run is queued; its steps are events of the session."""
    session, message = request.session, request.message
    canvas = _open_canvas(session)
    parameters = prepared(
        session, canvas, message.recipe, message.parameters, message.tokens_per_step
    )

    def write() -> dict[str, Any]:
        row = start_run(
            session=session,
            ref=head_of(session),
            recipe=message.recipe,
            parameters=parameters,
            max_steps=message.max_steps,
            keep_settled=message.keep_settled,
        )
        return {"type": "run_changed", "run": run_payload(row)}

    return write


def compare_runs(request: Request) -> Write:
    """runs_queued: a branch and a queued run for each recipe, worked one after the other."""
    session = request.session
    canvas = _open_canvas(session)
    wanted = [
        Wanted(
            one.recipe,
            prepared(session, canvas, one.recipe, one.parameters, one.tokens_per_step),
            one.name or one.recipe,
        )
        for one in request.message.recipes
    ]

    def write() -> dict[str, Any]:
        rows = queue_runs(session=session, ref=head_of(session), wanted=wanted)
        return {
            "type": "runs_queued",
            "step": session.head_number,
            "branches": [branch_payload(run.branch) for run in rows],
            "runs": [run_payload(run) for run in rows],
        }

    return write


def _open_canvas(session: Session) -> Canvas:
    canvas = state_at(session)
    if canvas.is_complete:
        raise UnmaskError("conflict", "Nothing is masked in this state. Rewind or remask first.")
    return canvas

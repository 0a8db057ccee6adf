"""Starting runs."""

from __future__ import annotations

from typing import Any

from core.worker.executor import Write
from inference.engine.canvas import Canvas
from inference.errors import UnmaskError
from visualizer.commands.requests import Request
from visualizer.models import Session
from visualizer.selectors import StateRef, head_of, state_at
from visualizer.selectors.event_payloads import branch_payload, run_payload
from visualizer.selectors.run_names import run_name
from visualizer.services.runs import Wanted, queue_runs, start_run
from visualizer.worker.run_parameters import prepared


def run(request: Request) -> Write:
    """run_changed: the run is queued; its steps are events of the session."""
    session, message = request.session, request.message
    canvas = open_canvas(session)
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
            seed=message.seed,
            name=name_for(session, message),
        )
        return {"type": "run_changed", "run": run_payload(row)}

    return write


def compare_runs(request: Request) -> Write:
    """runs_queued: a branch and a queued run for each recipe, worked one after the other."""
    session = request.session
    canvas = open_canvas(session)
    wanted = [
        Wanted(
            one.recipe,
            prepared(session, canvas, one.recipe, one.parameters, one.tokens_per_step),
            one.name or run_name(one.recipe, asked_of(one)),
        )
        for one in request.message.recipes
    ]

    def write() -> dict[str, Any]:
        return queued(session, head_of(session), wanted)

    return write


def queued(session: Session, ref: StateRef, wanted: list[Wanted]) -> dict[str, Any]:
    """runs_queued, after a branch and a run were made for each from a state on."""
    rows = queue_runs(session=session, ref=ref, wanted=wanted)
    return {
        "type": "runs_queued",
        "step": ref.number,
        "branches": [branch_payload(run.branch) for run in rows],
        "runs": [run_payload(run) for run in rows],
    }


def name_for(session: Session, message: Any) -> str:
    """What a branch is called that a run makes: recipe, what was asked for, seed."""
    seed = getattr(message, "seed", None)
    return run_name(message.recipe, asked_of(message), session.seed if seed is None else seed)


def asked_of(message: Any) -> dict[str, Any]:
    """Parameters and pace as they were asked for; one token a step is what everybody expects."""
    pace = message.tokens_per_step
    return {**message.parameters, **({"tokens_per_step": pace} if pace and pace > 1 else {})}


def open_canvas(session: Session, ref: StateRef | None = None) -> Canvas:
    """The canvas of a state, the head's by default. Raises UnmaskError if nothing is masked."""
    canvas = state_at(session, ref)
    if canvas.is_complete:
        raise UnmaskError("conflict", "Nothing is masked in this state. Rewind or remask first.")
    return canvas

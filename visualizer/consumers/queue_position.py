"""The run's pill while a command waits for a worker: its position in the queue."""

from __future__ import annotations

from django.template.loader import render_to_string

from core.sockets.threads import COMMANDS, in_lane
from visualizer.models import Command, Session
from visualizer.partials import MODEL_WAIT, is_unloaded, run_state
from visualizer.selectors.event_payloads import run_payload
from visualizer.selectors.queue import ahead_of_command
from visualizer.selectors.runs import front_run


@in_lane(COMMANDS)
def of(command_id: int) -> str:
    """The pill that says what a command waits for: its model, or how much is worked before it."""
    ahead = ahead_of_command(command_id)
    words = f"Waiting, {ahead} before it" if ahead else "Waiting"
    if not ahead and _loads(command_id):
        words = MODEL_WAIT
    return _pill({"state": "busy", "text": words})


def _loads(command_id: int) -> bool:
    rows = Command.objects.filter(pk=command_id, session__isnull=False)
    model = rows.values_list("session__model", flat=True).first()
    return model is not None and is_unloaded(model)


@in_lane(COMMANDS)
def left(session: Session) -> str:
    """The pill as the session's run has it: the command has been answered."""
    return _pill(run_state(run_payload(front_run(session)), session.model_id))


def _pill(state: dict[str, str]) -> str:
    return render_to_string("visualizer/partials/run.html", {"run_state": state, "oob": True})

"""Doing what was sent to the workers, as one of them would."""

from __future__ import annotations

from typing import Any

from visualizer.models import Session
from visualizer.services import dispatch
from visualizer.worker import turn


def work_off(session: Session, sent: list[Any]) -> None:
    """Everything that was sent for the session, until nothing is left."""
    while sent:
        task, argument = sent.pop(0)
        if task == dispatch.ADVANCE and argument == str(session.pk):
            turn.advance(argument)
    session.refresh_from_db()

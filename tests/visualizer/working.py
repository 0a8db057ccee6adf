"""Doing what was sent to the workers, as one of them would."""

from __future__ import annotations

from typing import Any

from visualizer.models import Session
from visualizer.worker import tasks


def work_off(session: Session, sent: list[Any]) -> None:
    """Everything that was sent for the session, until nothing is left."""
    while sent:
        task, argument = sent.pop(0)
        if task == Session.TASK and argument == str(session.pk):
            tasks.advance_session(argument)
    session.refresh_from_db()

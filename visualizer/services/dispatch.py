"""Sending work to the workers by name: the web side never imports what they do."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from celery import current_app
from django.db import transaction

ADVANCE = "visualizer.advance"
EXECUTE = "visualizer.execute"
LAB = "visualizer.lab"


def send(task: str, argument: Any) -> None:
    """Send now. A lost task costs a few seconds: the reaper reads the database."""
    current_app.send_task(task, [argument])


def advance(session_id: UUID | str) -> None:
    """Have the session's pending commands and its run worked, after commit."""
    transaction.on_commit(lambda: send(ADVANCE, str(session_id)))


def execute(command_id: int) -> None:
    """Have a command without a session worked, after commit."""
    transaction.on_commit(lambda: send(EXECUTE, command_id))


def lab(job_id: UUID | str) -> None:
    """Have a job of the Lab worked, after commit."""
    transaction.on_commit(lambda: send(LAB, str(job_id)))

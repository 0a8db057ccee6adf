"""Sending work to the workers by task name: the web side never imports what they do."""

from __future__ import annotations

from typing import Any

from celery import current_app
from django.db import transaction

from core.jobs.models import CommandRow, Leased


def send(task: str, argument: Any) -> None:
    """Send now. A lost task costs a few seconds: the reaper reads the database."""
    current_app.send_task(task, [argument])


def work(row: Leased) -> None:
    """Have the row's pending work taken up by a worker, after commit."""
    send_after_commit(row.TASK, str(row.pk))


def carry_out(command: CommandRow) -> None:
    """Have a command without a target carried out, after commit."""
    send_after_commit(command.TASK, command.pk)


def send_after_commit(task: str, argument: Any) -> None:
    transaction.on_commit(lambda: send(task, argument))

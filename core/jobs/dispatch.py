"""Sending work to the workers by task name: the web side never imports what they do."""

from __future__ import annotations

import logging
from typing import Any

from celery import current_app
from django.db import transaction

from core.jobs.models import CommandRow, Leased

log = logging.getLogger(__name__)


def send(task: str, argument: Any) -> None:
    """Send now. A lost task costs a few seconds: the reaper reads the database."""
    current_app.send_task(task, [argument])


def tasks_wait() -> bool:
    """Whether the broker holds tasks that no worker has taken yet; True if it cannot be asked."""
    try:
        with current_app.pool.acquire(block=True) as connection:
            connection.ensure_connection(max_retries=1, interval_start=0)  # not for ever
            queue = current_app.conf.task_default_queue
            return bool(connection.default_channel.queue_declare(queue).message_count)
    except Exception as error:
        log.warning("the broker could not be asked whether tasks wait: %s", type(error).__name__)
        return True


def work(row: Leased) -> None:
    """Have the row's pending work taken up by a worker, after commit."""
    send_after_commit(row.TASK, str(row.pk))


def carry_out(command: CommandRow) -> None:
    """Have a command without a target carried out, after commit."""
    send_after_commit(command.TASK, command.pk)


def send_after_commit(task: str, argument: Any) -> None:
    transaction.on_commit(lambda: send(task, argument))

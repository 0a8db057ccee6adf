"""The correlation id crosses into the worker: a task logs and fails under its request's id."""

from __future__ import annotations

from typing import Any

from celery.signals import before_task_publish, task_postrun, task_prerun

from inference.errors import correlation_id, new_correlation_id

HEADER = "unmask_correlation_id"


@before_task_publish.connect
def _write(headers: dict[str, Any], **_: Any) -> None:
    headers[HEADER] = correlation_id.get() or new_correlation_id()


@task_prerun.connect
def _read(task: Any, **_: Any) -> None:
    correlation_id.set(getattr(task.request, HEADER, "") or "")


@task_postrun.connect
def _forget(**_: Any) -> None:
    correlation_id.set("")

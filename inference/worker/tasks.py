"""Celery's doors of the inference layer: names and ids in, a service called."""

from __future__ import annotations

from celery import shared_task


@shared_task(name="inference.ping")
def ping() -> str:
    """Answers; shows that tasks reach a worker."""
    return "pong"

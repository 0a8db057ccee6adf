"""Celery's doors of the inference layer: names and ids in, a service called."""

from __future__ import annotations

from celery import shared_task

from inference import runtime
from inference.models import ModelEntry
from inference.worker import consumption, heartbeat

__all__ = ["consumption", "heartbeat", "load_model", "ping"]


@shared_task(name="inference.ping")
def ping() -> str:
    """Answers; shows that tasks reach a worker (inference.worker.consumption)."""
    return "pong"


@shared_task(name="inference.load_model")
def load_model(slug: str) -> None:
    """Load a model, beside other tasks; what came of it stands in its row."""
    entry = ModelEntry.every.get(slug=slug)
    runtime.run_when_loaded(slug, "load", lambda: runtime.load(entry), anew=True)

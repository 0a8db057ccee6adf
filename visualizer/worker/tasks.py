"""Celery's doors of the visualizer: ids in, a service called."""

from __future__ import annotations

from functools import cache

from celery import shared_task
from django.conf import settings

from inference import runtime
from inference.connections import kept_open
from inference.worker.timers import every
from visualizer.services import leases, reaper
from visualizer.worker import lab as lab_worker
from visualizer.worker import needs, suspended, turn

REAP_SECONDS = 5.0
FORGET_SECONDS = 60.0


@shared_task(name="visualizer.advance")
@kept_open
def advance(session_id: str) -> None:
    """Work a session's pending commands and a slice of its run."""
    slug = needs.model_of_session(session_id)
    runtime.run_when_loaded(slug, f"session {session_id}", lambda: turn.advance(session_id))


@shared_task(name="visualizer.execute")
@kept_open
def execute(command_id: int) -> None:
    """Work a command that belongs to no session yet."""
    slug = needs.model_of_command(command_id)
    runtime.run_when_loaded(slug, f"command {command_id}", lambda: turn.execute(command_id))


@shared_task(name="visualizer.lab")
@kept_open
def lab(job_id: str) -> None:
    """Work a slice of a job of the Lab."""
    lab_worker.work(job_id)


@every(REAP_SECONDS)
def reap() -> None:
    """Send work again that a lost task or a dead worker left behind."""
    if settings.EMBEDDED:
        _start_afresh()
    reaper.reap()


@cache
def _start_afresh() -> None:
    """Once: the only process of its kind has just started, so whoever held a lease is dead."""
    leases.void_all()


@every(REAP_SECONDS)
def let_go() -> None:
    """Give up the memory of runs that nobody goes on with here."""
    suspended.forget_old()


@every(FORGET_SECONDS)
def forget() -> None:
    """Delete answers that nobody will ask for again."""
    reaper.forget_answers()

"""What every worker does again and again for all apps: the reaper, forgetting, letting go."""

from __future__ import annotations

from functools import cache

from django.conf import settings
from django.utils import timezone

from core.jobs import leases, reaper
from inference import registry
from inference.runtime.suspended import SUSPENDED
from inference.worker.timers import every

STARTED = timezone.now()
REAP_SECONDS = 3.0
FORGET_SECONDS = 60.0


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
    registry.void_states(STARTED)


@every(REAP_SECONDS)
def let_go() -> None:
    """Give up the memory of work that nobody goes on with here."""
    SUSPENDED.forget_old()


@every(FORGET_SECONDS)
def forget() -> None:
    """Delete answers that nobody will ask for again, and events that are older than they last."""
    reaper.forget_answers()
    reaper.prune_events()

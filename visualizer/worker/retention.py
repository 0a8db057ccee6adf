"""Old distributions, thinned by every worker's timer as the setting DIGEST_DAYS says."""

from __future__ import annotations

from django.conf import settings

from inference.worker.timers import every
from visualizer.services.retention import thin_old

THIN_SECONDS = 600.0


@every(THIN_SECONDS)
def thin() -> None:
    """Some sessions in each turn, the oldest first."""
    thin_old(settings.DIGEST_DAYS)

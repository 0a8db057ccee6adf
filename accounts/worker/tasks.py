"""What workers do for accounts every hour: forget what nobody will come back to."""

from __future__ import annotations

from importlib import import_module

from django.conf import settings

from accounts.guests import forget_guests
from inference.worker.timers import every

HOUR = 3600.0


@every(HOUR)
def forget() -> None:
    """Delete cookies' sessions that have expired and guests who left nothing."""
    import_module(settings.SESSION_ENGINE).SessionStore.clear_expired()
    forget_guests()

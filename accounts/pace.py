"""How fast pages may be asked for through one link from one address."""

from __future__ import annotations

import threading

from django.conf import settings

from accounts.bucket import Bucket

NAMES = 10_000
"""Links and addresses remembered; beyond it the memory starts afresh rather than grow."""
_buckets: dict[str, Bucket] = {}
_guard = threading.Lock()


def within_pace(name: str) -> bool:
    """Whether one more request keeps to the limits of a socket: so many at once, then a second."""
    with _guard:
        if len(_buckets) >= NAMES:
            _buckets.clear()
        fresh = Bucket(settings.SOCKET_RATE, settings.SOCKET_BURST)
        return _buckets.setdefault(name, fresh).take()

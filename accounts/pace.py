"""How fast somebody may ask: a bucket for each name, which is an account, a link or an address."""

from __future__ import annotations

import threading
from collections.abc import Callable

from django.conf import settings

from accounts.bucket import Bucket

NAMES = 10_000
"""Names remembered; beyond it the memory starts afresh rather than grow."""
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
AT_ONCE = 10
"""Seconds whose requests may come in one burst."""
GUESTS_AT_ONCE, SECONDS_PER_GUEST = 300, 10
"""A class may come in together; a script may not fill the database with visitors."""


class Pace:
    """Buckets by name, each as `fresh` makes it, in this process."""

    def __init__(self, fresh: Callable[[], Bucket]) -> None:
        self._fresh = fresh
        self._buckets: dict[str, Bucket] = {}
        self._guard = threading.Lock()

    def keeps(self, name: str) -> bool:
        """Whether one more request under this name keeps to the pace."""
        with self._guard:
            if len(self._buckets) >= NAMES:
                self._buckets.clear()
            return self._buckets.setdefault(name, self._fresh()).take()

    def forget(self) -> None:
        """Everybody starts afresh."""
        with self._guard:
            self._buckets.clear()

    def __len__(self) -> int:
        return len(self._buckets)


def name_of(host: str) -> str:
    """The name under which an address is counted, whether it asks by page or by socket."""
    return f"from {host}"


def bucket_of(rate: str) -> Bucket:
    """A bucket for `number/unit`; the unit is a key of SECONDS."""
    number, unit = rate.split("/")
    per_second = int(number) / SECONDS[unit]
    return Bucket(per_second, max(int(number), AT_ONCE * per_second))


LINKS = Pace(lambda: Bucket(settings.SOCKET_RATE, settings.SOCKET_BURST))
REQUESTS = Pace(lambda: bucket_of(settings.HTTP_RATE))
GUESTS = Pace(lambda: Bucket(1 / SECONDS_PER_GUEST, GUESTS_AT_ONCE))

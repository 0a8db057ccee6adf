"""Slows guessing of passwords: so many failures for a name and an address, then a pause."""

from __future__ import annotations

import threading
import time
from collections import defaultdict, deque

from django.http import HttpRequest

FAILURES = 10
SECONDS = 300
NAMES = 10_000
"""Names remembered; beyond it the memory starts afresh rather than grow."""


class Throttle:
    """Counts failures of the last SECONDS in this process."""

    def __init__(self) -> None:
        self._failures: dict[str, deque[float]] = defaultdict(deque)
        self._guard = threading.Lock()

    def pause(self, name: str) -> int:
        """Seconds until another attempt is allowed; 0 = now."""
        with self._guard:
            recent = self._recent(name)
            if len(recent) < FAILURES:
                return 0
            return max(1, round(recent[0] + SECONDS - time.monotonic()))

    def failed(self, name: str) -> None:
        with self._guard:
            if len(self._failures) >= NAMES:
                self._failures.clear()
            self._failures[name].append(time.monotonic())

    def succeeded(self, name: str) -> None:
        with self._guard:
            self._failures.pop(name, None)

    def _recent(self, name: str) -> deque[float]:
        times = self._failures.get(name, deque())
        while times and times[0] <= time.monotonic() - SECONDS:
            times.popleft()
        return times


SIGN_IN = Throttle()


def attempt_of(request: HttpRequest) -> str:
    """Who tries what: the name that was typed, and the address it came from."""
    name = request.POST.get("username", "")[:150].casefold()
    return f"{request.META.get('REMOTE_ADDR', '')} {name}"

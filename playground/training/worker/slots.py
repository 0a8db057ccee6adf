"""How many trainings this worker works at a time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings

_guard = threading.Lock()
_taken = 0


@contextmanager
def slot() -> Iterator[bool]:
    """Whether there is room for another training; what waits is sent again by the reaper."""
    global _taken
    with _guard:
        free = _taken < settings.TRAININGS_PER_WORKER
        _taken += free
    try:
        yield free
    finally:
        with _guard:
            _taken -= free

"""Whether this worker takes tasks: a probe through the broker when nothing else has come lately.

A heartbeat comes from a thread of its own and goes on when the worker has become deaf. So a worker
that has begun no task for a while sends one, and its row says how long ago the last one began.
Workers of a site share a queue: whoever is free takes the probe, a deaf one takes none.
"""

from __future__ import annotations

import threading
import time
from typing import Any

from celery import current_app
from celery.signals import task_prerun

from inference.worker.timers import every

PROBE = "inference.ping"
PROBE_SECONDS = 5.0
EXPIRE_SECONDS = 20.0
"""Probes that nobody took are thrown away, not worked off later."""


class LastTask:
    """When this process last began a task; at first, when it started."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._begun = time.monotonic()

    def stamp(self, **_: Any) -> None:
        with self._guard:
            self._begun = time.monotonic()

    @property
    def idle_seconds(self) -> float:
        with self._guard:
            return time.monotonic() - self._begun


LAST = LastTask()
task_prerun.connect(LAST.stamp)


@every(PROBE_SECONDS)
def probe() -> None:
    """Send a task to be taken, unless one has been lately."""
    if LAST.idle_seconds >= PROBE_SECONDS:
        current_app.send_task(PROBE, expires=EXPIRE_SECONDS)


def figures() -> dict[str, float]:
    """For the worker's row."""
    return {"idle_seconds": round(LAST.idle_seconds, 1)}

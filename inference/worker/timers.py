"""What a worker does again and again: heartbeats, reapers.

Apps register here when their task modules are imported; a worker runs every entry once when it
starts and then in its interval, all in one thread of its own.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from django.db import close_old_connections

log = logging.getLogger(__name__)
Work = Callable[[], None]


@dataclass
class _Timer:
    seconds: float
    work: Work
    due: float = field(default=0.0)
    fault: str = ""
    """What went wrong the last time; empty while it goes well."""


_TIMERS: dict[str, _Timer] = {}


def every(seconds: float) -> Callable[[Work], Work]:
    """Decorator: run this function in every worker, at its start and each `seconds` after."""

    def register(work: Work) -> Work:
        _TIMERS[f"{work.__module__}.{work.__qualname__}"] = _Timer(seconds, work)
        return work

    return register


class TimerThread(threading.Thread):
    """Runs what is due. What fails is tried again in its next turn; the log hears of it once."""

    def __init__(self) -> None:
        super().__init__(name="timers", daemon=True)
        self._stop_now = threading.Event()

    def run(self) -> None:
        for timer in _TIMERS.values():
            timer.due = 0.0
        while not self._stop_now.wait(0.2):
            for name, timer in list(_TIMERS.items()):
                if timer.due <= time.monotonic():
                    _run(name, timer)

    def stop(self) -> None:
        self._stop_now.set()
        self.join(5)


def _run(name: str, timer: _Timer) -> None:
    close_old_connections()
    try:
        timer.work()
    except BaseException as error:  # SystemExit too: without its timers a worker counts as dead
        _tell_fault(name, timer, type(error).__name__)
    else:
        if timer.fault:
            log.info("timer %s works again", name)
        timer.fault = ""
    timer.due = time.monotonic() + timer.seconds
    close_old_connections()


def _tell_fault(name: str, timer: _Timer, fault: str) -> None:
    """Once for each kind of failure: a database that is away would fill the log every second."""
    if fault != timer.fault:
        log.exception("timer %s failed; it is tried again every %g s", name, timer.seconds)
    timer.fault = fault

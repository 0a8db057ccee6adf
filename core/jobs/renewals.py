"""Leases renewed while work goes on that may take longer than they last.

Most work is over long before, many times a second, and a thread for each piece of it would be felt
beside a busy engine. So one thread of the process looks around now and then, and only what it finds
twice gets a thread of its own, since a renewal may have to wait for the database.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db import DatabaseError, close_old_connections
from django.db.models import QuerySet
from django.db.models.functions import Now

from core.jobs import leases
from core.jobs.leases import Lease
from core.jobs.models import CommandRow

log = logging.getLogger(__name__)
LOOK_SECONDS = 1.0
RENEW_SECONDS = 3.0
FORWARDS = 20
"""One piece of work may last as long as these: it makes several and waits for those of others."""


def longest_work() -> float:
    """The seconds after which work counts as hanging.

    The engine ends a load or a forward that overruns its own limit long before.
    """
    return float(settings.LOAD_TIMEOUT + FORWARDS * settings.STEP_TIMEOUT)


@contextmanager
def renewed(held: Lease | CommandRow) -> Iterator[None]:
    """Keep a lease (or a command's) until the work is done; no renewal outlives it.

    Work that hangs loses the lease in the end: somebody else goes on and this writer is refused.
    """
    work = _Work(held)
    _WATCH.add(work)
    try:
        yield
    finally:
        _WATCH.remove(work)
        work.end()


@dataclass(eq=False)
class _Work:
    """What holds a lease: seen once by the watch, and then renewed by a thread."""

    held: Lease | CommandRow
    seen: bool = False
    done: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None

    def look(self) -> None:
        """The first time remember it, the second time begin to renew."""
        if self.seen and self.thread is None:
            given = self.held, self.done
            thread = threading.Thread(target=_renew, args=given, name="lease", daemon=True)
            thread.start()
            self.thread = thread
        self.seen = True

    def end(self) -> None:
        """Nobody looks any more."""
        self.done.set()
        if self.thread is not None:
            # it may be waiting for the database, as long as that lets it
            self.thread.join(RENEW_SECONDS)


class _Watch:
    """The work of this process; its thread ends if it finds none, and comes back with the next."""

    def __init__(self) -> None:
        self._works: set[_Work] = set()
        self._lock = threading.Lock()
        self._looks = False

    def add(self, work: _Work) -> None:
        with self._lock:
            self._works.add(work)
            if not self._looks:
                threading.Thread(target=self._look, name="leases", daemon=True).start()
                self._looks = True

    def remove(self, work: _Work) -> None:
        with self._lock:
            self._works.discard(work)

    def _look(self) -> None:
        while True:
            time.sleep(LOOK_SECONDS)
            with self._lock:
                for work in self._works:
                    _looked_at(work)
                if not self._works:
                    self._looks = False
                    return


def _looked_at(work: _Work) -> None:
    """A machine without room for a thread now may have some at the next look."""
    try:
        work.look()
    except RuntimeError:
        log.exception("a lease could not be renewed")


_WATCH = _Watch()


def _renew(held: Lease | CommandRow, done: threading.Event) -> None:
    latest = time.monotonic() + longest_work()
    while not done.wait(RENEW_SECONDS) and time.monotonic() < latest:
        try:
            if not _rows(held).update(lease_expires=Now() + leases.LEASE):
                return  # the row has gone, or somebody else holds it
        except DatabaseError:  # a busy database; the next renewal still comes in time
            log.warning("a lease could not be renewed", exc_info=True)
        finally:
            close_old_connections()


def _rows(held: Lease | CommandRow) -> QuerySet[Any]:
    if isinstance(held, Lease):
        return held.held
    return type(held)._default_manager.filter(pk=held.pk)

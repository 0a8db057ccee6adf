"""Threads for work that waits for other machines: it never holds a task thread.

What is handed over twice waits once. The database remembers all of it, so nothing is lost when the
process ends.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from django.db import close_old_connections, connections

log = logging.getLogger(__name__)


class WaitingThreads:
    """At most `count` pieces of work at once; the others wait in order."""

    def __init__(self, name: str, count: int) -> None:
        self._pool = ThreadPoolExecutor(count, thread_name_prefix=name)
        self._keys: set[str] = set()
        self._guard = threading.Lock()

    def put(self, key: str, work: Callable[[], object]) -> None:
        """Have it worked, unless it waits already. What is worked at the moment may wait again."""
        with self._guard:
            if key in self._keys:
                return
            self._keys.add(key)
        self._pool.submit(self._work, key, work)

    def _work(self, key: str, work: Callable[[], object]) -> None:
        with self._guard:
            self._keys.discard(key)
        close_old_connections()
        try:
            work()
        except BaseException:  # whatever it is, the thread goes on with the next
            log.exception("%s failed", key)
        finally:
            connections.close_all()


DOWNLOADS = WaitingThreads("download", 1)
ANSWERS = WaitingThreads("remote", 64)
"""Servers elsewhere do the work; a thread here only reads."""

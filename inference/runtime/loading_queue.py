"""The queue of work that needs a model which must be loaded first, worked by a few threads.

A load may take minutes. Task threads that waited for it would hold up every other session, so
they hand such work over and are free at once. Everything that needs the same model stands in one
line; what was handed over twice stands in it once. The database remembers all of it, so nothing
is lost when the process ends.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from django.db import close_old_connections, connections
from django.db.models import Q

from inference.models import ModelEntry
from inference.runtime.models import get, is_current

log = logging.getLogger(__name__)
LOADERS = 2
"""Models that are loaded at the same time."""
Work = Callable[[], object]


class LoadingQueue:
    """One queue for each model; at most `loaders` of them are worked at once."""

    def __init__(self, loaders: int = LOADERS) -> None:
        self._loaders = loaders
        self._lines: dict[str, dict[str, Work]] = {}
        self._moving: set[str] = set()
        self._guard = threading.Lock()

    def put(self, slug: str, key: str, work: Work) -> None:
        """Work it in turn. The same key waits once."""
        with self._guard:
            self._lines.setdefault(slug, {}).setdefault(key, work)
            self._start()

    @property
    def is_idle(self) -> bool:
        """Whether nothing is loaded and nothing waits for it."""
        with self._guard:
            return not self._lines

    def _start(self) -> None:
        """Begin lines while threads are free, the oldest first."""
        for slug in self._lines:
            if len(self._moving) >= self._loaders:
                return
            if slug not in self._moving:
                self._moving.add(slug)
                name = f"loader {slug}"
                threading.Thread(target=self._work, args=(slug,), name=name, daemon=True).start()

    def _work(self, slug: str) -> None:
        while (work := self._next(slug)) is not None:
            close_old_connections()
            try:
                work()
            except BaseException:  # whatever it is, the queue goes on with the next
                log.exception("work behind a load failed")
        connections.close_all()

    def _next(self, slug: str) -> Work | None:
        with self._guard:
            line = self._lines[slug]
            if line:
                return line.pop(next(iter(line)))
            del self._lines[slug]
            self._moving.discard(slug)
            self._start()
            return None


LOADING_QUEUE = LoadingQueue()


def run_when_loaded(slug: str | None, key: str, work: Work, anew: bool = False) -> None:
    """Work at once, or in the queue if a model that is here must be loaded first.

    `anew`: the work wants the model as its files are now, not as a session began with it.
    """
    entry = None if slug is None or "\0" in slug else _here(slug)
    if entry is None or (is_current(entry) if anew else get(entry.slug) is not None):
        work()
    else:
        LOADING_QUEUE.put(entry.slug, key, work)


def _here(slug: str) -> ModelEntry | None:
    """The model of that name, if its files are on this machine."""
    elsewhere = Q(state=ModelEntry.State.ABSENT) | Q(kind=ModelEntry.Kind.REMOTE)
    found: ModelEntry | None = ModelEntry.every.filter(slug=slug).exclude(elsewhere).first()
    return found

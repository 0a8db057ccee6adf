"""Steps computed on the engine's thread, a few to a hand-over, before they are asked for.

A thread of its own waits for the engine. As long as nobody else computes with the model it hands
the steps over as one piece of work, so that forwards, drawing and digests are done by one thread
with one OpenMP team, and whoever writes them down works beside it. In company each forward goes by
itself, so that it joins those of others. Whoever waits for the device waits for one step at most.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Generic, Self, TypeVar

from django.conf import settings

from inference.engine.checkpoint import LoadedModel
from inference.runtime.forwards import ENGINE

T = TypeVar("T")
GIVE_WAY_SECONDS = 0.05
"""The longest wait of a writer for the device to begin: many times what deciding takes."""
AHEAD = 4
"""Steps of a run that may be waiting to be written: what is kept of each is some megabytes."""


class StepsAhead(Generic[T]):
    """What `make` returns, call after call until None; a context manager of one consumer.

    Nothing is made before it is allowed. What `make` raises is raised by `take` in its place.
    """

    def __init__(self, make: Callable[[], T | None], model: LoadedModel) -> None:
        self._make, self._model = make, model
        self._ready: deque[T] = deque()
        self._allowed = 0
        self._ended = False
        self._failure: BaseException | None = None
        self._changed = threading.Condition()
        self._executor = ThreadPoolExecutor(1, "ahead")

    def __enter__(self) -> Self:
        self._work = self._executor.submit(self._follow)
        return self

    def __exit__(self, *_: Any) -> None:
        self.stop()
        self._executor.shutdown()

    def allow(self, steps: int) -> None:
        """Let as many steps be ready as given, made beside what the caller does meanwhile."""
        with self._changed:
            self._allowed = max(0, steps - len(self._ready))
            self._changed.notify_all()

    def give_way(self) -> None:
        """Wait, not for long, until the device is at the next step, if one is to be made.

        Whoever decides what that step reads needs Python's lock, as do those of other runs with
        which it shares its forward: what can be done beside the forward comes after them.
        """
        with self._changed:
            comes = self._allowed > 0 and not self._ready and not self._ended
        if comes:
            ENGINE.wait_until_busy(GIVE_WAY_SECONDS)

    def take(self) -> T | None:
        """The next step, waiting for it; None behind the last one. Raises what making it raised."""
        with self._changed:
            self._changed.wait_for(lambda: self._ready or self._ended)
            if self._ready:
                return self._ready.popleft()
            if self._failure is not None:
                raise self._failure
            return None

    def stop(self) -> list[T]:
        """Begin no other step; those that are ready once the one at work is made. Take them yet."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        self._work.result()
        return list(self._ready)

    def _follow(self) -> None:
        while self._may():
            try:
                if ENGINE.queue.has_company(self._model):
                    self._one()
                else:
                    ENGINE.hand_over(self._several, settings.STEP_TIMEOUT, self._model)
            except BaseException as error:  # whoever takes it is to hear of it, whatever it is
                self._end(error)

    def _several(self) -> None:
        """On the engine's thread: one step at least, and more while nobody waits."""
        self._one()
        while self._has_room() and not ENGINE.is_awaited:
            self._one()

    def _one(self) -> None:
        try:
            made = self._make()
        except BaseException as error:
            self._end(error)
            return
        with self._changed:
            if made is None or self._failure is not None:  # left behind, it comes too late
                self._ended = True
            else:
                self._ready.append(made)
                self._allowed -= 1
            self._changed.notify_all()

    def _end(self, error: BaseException) -> None:
        with self._changed:
            self._ended, self._failure = True, self._failure or error
            self._changed.notify_all()

    def _may(self) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._allowed > 0 or self._ended)
            return not self._ended

    def _has_room(self) -> bool:
        with self._changed:
            return self._allowed > 0 and not self._ended

"""One slice of long work: how long it may take; attempts are counted, a failure ends the work."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from celery.worker import state

from core.jobs import dispatch
from core.jobs.leases import LeaseLost
from core.worker.executor import ATTEMPTS
from inference.engine.checkpoint import LoadedModel
from inference.errors import UnmaskError, error_shape, internal_error
from inference.limits import SLICE_SECONDS
from inference.runtime import unloading
from inference.runtime.loading_queue import LOADING_QUEUE

log = logging.getLogger(__name__)
LONGEST_SECONDS = 20.0
"""A slice that holds nobody up: far below the time after which the broker sends a task again."""


class Unloads:
    """Counts the models that this worker gives up: what computes with one keeps it in memory."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, model: LoadedModel) -> None:
        self.count += 1


UNLOADS = Unloads()
unloading.append(UNLOADS)


class SliceTime:
    """The time of a slice: SLICE_SECONDS, and as much again while nobody waits for a thread, or for
    the memory of a model that was given up.

    A slice that ends and begins anew for nobody's sake costs a run its place in the forwards that
    it shares with others.
    """

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._look = self._began + SLICE_SECONDS
        self._unloads = UNLOADS.count
        self._over = False

    def is_over(self) -> bool:
        """Whether the rest is to be left to another slice, behind what others wait for.

        Once over it stays over: what is ready is still written then.
        """
        now = time.monotonic()
        if not self._over and now >= self._look:
            self._look = now + SLICE_SECONDS
            late = now > self._began + LONGEST_SECONDS or UNLOADS.count != self._unloads
            self._over = late or is_stopping() or others_wait()
        return self._over


def others_wait() -> bool:
    """Whether work waits for a thread of a worker, or for the loading of a model."""
    return not LOADING_QUEUE.is_idle or dispatch.tasks_wait()


def is_stopping() -> bool:
    """Whether this worker is about to end: what it has in hand is left to others.

    Celery keeps the exit code with which it is to end, which may be 0, or None or False.
    """
    wishes = (state.should_stop, state.should_terminate)
    return any(wish is not None and wish is not False for wish in wishes)


def work_guarded(
    what: str,
    *,
    begin: Callable[[], int],
    work: Callable[[], None],
    fail: Callable[[dict[str, Any]], None],
) -> None:
    """Begin a slice, work it, and end the whole work if that fails.

    `what`: "run" or "job", as users call it. `begin`: counts the attempt in a fenced transaction
    and returns how many began since something was stored. `fail`: ends the work with an error of
    the one shape. An exit in the work counts as a failure of it, since threads go on.
    Raises LeaseLost when another worker has taken the row over.
    """
    try:
        if begin() > ATTEMPTS:
            raise UnmaskError(
                "generation", f"The {what} ended its worker several times and was given up."
            )
        work()
    except LeaseLost:
        raise
    except UnmaskError as error:
        fail(error_shape(error))
    except BaseException:
        log.exception("a slice of a %s failed", what)
        fail(error_shape(internal_error()))

"""The queue before the device: jobs in the order of arrival, and which of them make a batch.

The first to come always leaves first. Forwards of the same model that wait behind it come along
if they fit, so nobody is passed over for longer than one forward.
"""

from __future__ import annotations

import itertools
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from inference.engine.checkpoint import LoadedModel
from inference.engine.forward import Request

WINDOW = 0.5
"""Of the last forward's time: the longest wait for those who are about to come back."""
SPARE_TOKENS = 512
"""Padding that is cheaper than another forward."""
FORGET_SECONDS = 5.0
_THREAD, _NUMBERS = threading.local(), itertools.count()


def _caller() -> int:
    """A number of the calling thread. The system gives a thread the name of one that has ended."""
    if not hasattr(_THREAD, "number"):
        _THREAD.number = next(_NUMBERS)
    return int(_THREAD.number)


@dataclass(eq=False)
class Job:
    """A forward that may be shared (`model`, `requests`), or `work` that has the device alone.

    Work may name the model that it computes with.
    """

    model: LoadedModel | None = None
    requests: Sequence[Request] = ()
    work: Callable[[], Any] | None = None
    caller: int = field(default_factory=_caller)
    result: Future[Any] = field(default_factory=Future)
    started: float = 0.0
    thread: threading.Thread | None = None
    rescued: bool = False

    @property
    def lengths(self) -> list[int]:
        return [len(request.ids) for request in self.requests]


@dataclass
class Caller:
    """A thread that asks again and again: when it was answered, how long its pauses are.

    It outlives its forwards, so it must not keep an unloaded model in memory.
    """

    model: weakref.ref[LoadedModel]
    answered: float
    pause: float


class BatchQueue:
    """The one queue. All methods may be called from any thread."""

    def __init__(self, max_sequences: int, max_tokens: int) -> None:
        self.max_sequences, self.max_tokens = max_sequences, max_tokens
        self.closed = False
        self.gathered_seconds = 0.0
        self._jobs: list[Job] = []
        self._callers: dict[int, Caller] = {}
        self._present: dict[int, tuple[weakref.ref[LoadedModel], float]] = {}
        self._window = 0.0
        self._changed = threading.Condition()

    def __len__(self) -> int:
        return len(self._jobs)

    def put(self, job: Job) -> bool:
        """False when the queue is closed."""
        with self._changed:
            known = self._callers.get(job.caller)
            if known is not None and job.work is None:  # what it does in between is part of it
                # One long pause, as behind a first step, must not part it from the others.
                pause = min(time.monotonic() - known.answered, self._window)
                known.pause = (known.pause + pause) / 2
            self._see(job)
            self._jobs.append(job)
            self._changed.notify_all()
            return not self.closed

    def has_company(self, model: LoadedModel) -> bool:
        """Whether another thread than the calling one has lately computed with the model."""
        me, since = _caller(), time.monotonic() - FORGET_SECONDS
        with self._changed:
            waiting = any(job.model is model and job.caller != me for job in self._jobs)
            return waiting or any(
                key != me and one() is model and when >= since
                for key, (one, when) in self._present.items()
            )

    def _see(self, job: Job) -> None:
        now = time.monotonic()
        if job.model is not None:
            self._present[job.caller] = (weakref.ref(job.model), now)
        for key in [k for k, (_, when) in self._present.items() if when < now - FORGET_SECONDS]:
            del self._present[key]

    def close(self) -> None:
        with self._changed:
            self.closed = True
            self._changed.notify_all()

    def drain(self) -> list[Job]:
        """Everybody who still waits."""
        with self._changed:
            left, self._jobs = self._jobs, []
            return left

    def take(self) -> list[Job]:
        """The next to leave together; blocks until there is somebody. Empty when closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._jobs or self.closed)
            self._gather()
            return [] if self.closed else self._leave()

    def answered(self, jobs: Sequence[Job], seconds: float) -> None:
        """Note that these have just been answered by one forward of `seconds`."""
        now = time.monotonic()
        with self._changed:
            self._window = WINDOW * seconds
            for job in jobs:
                assert job.model is not None
                known = self._callers.get(job.caller)
                pause = known.pause if known is not None else self._window / 2
                self._callers[job.caller] = Caller(weakref.ref(job.model), now, pause)
            gone = [
                key for key, one in self._callers.items() if one.answered < now - FORGET_SECONDS
            ]
            for key in gone:
                del self._callers[key]

    def _gather(self) -> None:
        """Wait for those whose usual pause is almost over, so that they share the forward.

        Not for strangers, not while somebody waits who could not come along, never for long.
        """
        began = time.monotonic()
        latest = began + self._window
        while (left := self._worth_waiting_until(latest) - time.monotonic()) > 0:
            self._changed.wait(left)
        self.gathered_seconds += time.monotonic() - began

    def _worth_waiting_until(self, latest: float) -> float:
        """The moment by which the last of those who will be in time is here; 0 for nobody."""
        if self.closed or not self._jobs or not self._all_fit():
            return 0.0
        model, here = self._jobs[0].model, {job.caller for job in self._jobs}
        awaited = [
            one.answered + 1.5 * one.pause
            for key, one in self._callers.items()
            if key not in here and one.model() is model
        ]
        return max((moment for moment in awaited if moment <= latest), default=0.0)

    def _all_fit(self) -> bool:
        first = self._jobs[0]
        return first.work is None and (len(self._jobs) == 1 or self._fits(self._jobs))

    def _leave(self) -> list[Job]:
        batch = [self._jobs.pop(0)]
        for job in list(self._jobs):
            if self._fits([*batch, job]):
                self._jobs.remove(job)
                batch.append(job)
        return batch

    def _fits(self, jobs: Sequence[Job]) -> bool:
        model = jobs[0].model
        if any(job.work is not None or job.model is not model for job in jobs):
            return False
        lengths = [length for job in jobs for length in job.lengths]
        padded, real = len(lengths) * max(lengths), sum(lengths)
        bounded = len(lengths) <= self.max_sequences and padded <= self.max_tokens
        return bounded and padded - real <= max(SPARE_TOKENS, real)

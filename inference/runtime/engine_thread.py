"""The one thread that computes on the device; task threads hand their work to it.

Threads cannot be killed. When work overruns its limit its caller is told so, another thread takes
over the queue, and the stuck one ends as soon as its work does.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass, field
from typing import Any, TypeVar

from inference.errors import UnmaskError

log = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass
class _Job:
    work: Callable[[], Any]
    answer: Future[Any] = field(default_factory=Future)
    started: float = 0.0


class EngineThread:
    """`submit` runs a function on the engine thread and waits for its result."""

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[_Job] = queue.SimpleQueue()
        self._guard = threading.Lock()
        self._thread: threading.Thread | None = None
        self.busy_seconds = 0.0
        self.jobs_done = 0
        self.replaced = 0

    def submit(self, work: Callable[[], T], seconds: float) -> T:
        """The result of `work`. Raises what it raises, or UnmaskError("timeout") after `seconds`.

        The limit counts from the moment the work starts; waiting for others is not counted.
        """
        if threading.current_thread() is self._thread:
            return work()
        job = _Job(work)
        self._ensure_thread()
        self._jobs.put(job)
        while True:
            try:
                return job.answer.result(timeout=_left(job, seconds))  # type: ignore[no-any-return]
            except FutureTimeout:
                if job.answer.done():
                    raise
                if job.started and time.monotonic() - job.started >= seconds:
                    self._replace()
                    raise _overrun(seconds) from None

    @property
    def waiting(self) -> int:
        """Jobs that nobody has begun."""
        return self._jobs.qsize()

    def _ensure_thread(self) -> None:
        with self._guard:
            if self._thread is None or not self._thread.is_alive():
                self._start()

    def _replace(self) -> None:
        log.error("engine thread overran its limit and was replaced")
        with self._guard:
            self.replaced += 1
            self._start()

    def _start(self) -> None:
        self._thread = threading.Thread(target=self._work, name="engine", daemon=True)
        self._thread.start()

    def _work(self) -> None:
        while threading.current_thread() is self._thread:
            try:
                job = self._jobs.get(timeout=1)
            except queue.Empty:
                continue
            self._run(job)

    def _run(self, job: _Job) -> None:
        job.started = time.monotonic()
        try:
            job.answer.set_result(job.work())
        except BaseException as error:  # a Rust panic is no Exception; the caller gets it all
            job.answer.set_exception(error)
        self.busy_seconds += time.monotonic() - job.started
        self.jobs_done += 1


def _left(job: _Job, seconds: float) -> float:
    if not job.started:
        return min(seconds, 1.0)
    return max(0.05, job.started + seconds - time.monotonic())


def _overrun(seconds: float) -> UnmaskError:
    return UnmaskError(
        "timeout",
        f"The model took longer than {seconds:.0f} seconds for this step. Try a shorter canvas, "
        "or raise STEP_TIMEOUT.",
    )

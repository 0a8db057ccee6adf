"""The one thread that owns the device, and the forwards of several requests joined into one.

Whoever computes on the device hands it over here: forwards by calling the batcher, anything else
by `submit`. Deciding what to write stays with the callers, in their own threads. Since padding is
hidden and random numbers belong to the requests, a result does not depend on who shared its
forward (exactly in arithmetic; in float32 up to rounding, in bfloat16 a near tie can fall the
other way).

Threads cannot be killed. When a forward overruns its limit its callers are told so, another
thread takes over the queue, and the stuck one ends as soon as its work does.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import TimeoutError as FutureTimeout
from typing import Any, TypeVar

from torch import Tensor

from inference.engine.batch_queue import BatchQueue, Job
from inference.engine.batch_stats import BatchStats
from inference.engine.checkpoint import LoadedModel
from inference.engine.errors import EngineError, StepTimeout
from inference.engine.forward import ForwardMany, Request, forward_many

log = logging.getLogger(__name__)
T = TypeVar("T")
Rescue = Callable[[LoadedModel, BaseException], bool]


class Batcher:
    """Call it like `forward_many`, from any thread; `close` it at the end.

    A batch takes waiting jobs of the same model in the order of their arrival, up to
    `max_sequences` sequences and `max_tokens` padded tokens. `rescue` is asked once about a job
    of a model that failed by itself; if it answers true the job is tried again.
    """

    def __init__(
        self,
        run: ForwardMany = forward_many,
        max_sequences: int = 16,
        max_tokens: int = 16384,
        rescue: Rescue = lambda model, error: False,
    ) -> None:
        self.run, self.rescue = run, rescue
        self.stats = BatchStats()
        self.queue = BatchQueue(max_sequences, max_tokens)
        self._guard = threading.Lock()
        self._thread: threading.Thread | None = None
        self._at_work = threading.local()
        self._busy = threading.Event()

    def __call__(
        self, model: LoadedModel, requests: Sequence[Request], seconds: float | None = None
    ) -> list[Tensor]:
        """Logits of each request's rows; blocks until they are there.

        Raises StepTimeout when the forward takes longer than `seconds`; waiting for others is
        not counted.
        """
        if (job := self._job_here()) is not None:
            self.stats.forward([Job(model, requests)])
            return self._within(job, lambda: self.run(model, requests), model)
        return self._wait(Job(model, list(requests)), seconds)  # type: ignore[no-any-return]

    def submit(
        self,
        work: Callable[[], T],
        seconds: float | None = None,
        model: LoadedModel | None = None,
    ) -> T:
        """The result of work that has the device for itself. Raises what it raises.

        Work of a `model` may be rescued: it must bear being done again, wherever the model is
        then.
        """
        if (job := self._job_here()) is not None:
            return self._within(job, work, model)
        return self._wait(Job(model, work=work), seconds)  # type: ignore[no-any-return]

    def hand_over(self, work: Callable[[], T], seconds: float | None, model: LoadedModel) -> T:
        """Work of several forwards with a model, done here by calling the batcher from within it.

        `seconds` are the limit of each of them; each is rescued by itself, so that the work goes
        on where it is. Long work asks `is_awaited` between two of its steps, and ends if so.
        """
        return self._wait(Job(model, work=work, rescued=True), seconds)  # type: ignore[no-any-return]

    @property
    def is_awaited(self) -> bool:
        """Whether somebody waits for the work at hand to end."""
        return len(self.queue) > 0

    def wait_until_busy(self, seconds: float) -> None:
        """Wait until the device computes, `seconds` at most."""
        self._busy.wait(seconds)

    def close(self) -> None:
        """Ends the thread after the forward at hand; whoever still waits gets an error."""
        self.queue.close()
        thread = self._thread
        if thread is not None and threading.current_thread() is not thread:
            thread.join()
        self._turn_away()

    def _job_here(self) -> Job | None:
        """The job in which the calling thread is, if that is the engine's.

        Raises EngineError in a thread that was left behind: nobody waits for what it does.
        """
        job: Job | None = getattr(self._at_work, "job", None)
        if job is not None and threading.current_thread() is not self._thread:
            raise EngineError("This step overran its limit and was given up.")
        return job

    def _within(self, job: Job, work: Callable[[], T], model: LoadedModel | None) -> T:
        """A part of the job at hand: it has the job's limit and its rescue for itself."""
        job.started = time.monotonic()
        try:
            return work()
        except BaseException as error:
            if model is None or not self._saved(model, error):
                raise
        return work()

    def _wait(self, job: Job, seconds: float | None) -> Any:
        self._ensure_thread()
        if not self.queue.put(job):
            self._turn_away()
        while True:
            try:
                return job.result.result(timeout=_left(job, seconds))
            except FutureTimeout:
                if job.result.done():
                    raise
                if seconds is not None and job.started and _age(job) >= seconds:
                    self._replace(job)
                    raise StepTimeout(seconds) from None

    def _turn_away(self) -> None:
        for job in self.queue.drain():
            job.result.set_exception(EngineError("The engine has been shut down."))

    def _ensure_thread(self) -> None:
        with self._guard:
            if self._thread is None or not self._thread.is_alive():
                self._start()

    def _replace(self, job: Job) -> None:
        """Leave the thread behind that is stuck in this job; several may share it."""
        with self._guard:
            if job.thread is self._thread:
                log.error("the engine's thread overran its limit and was replaced")
                self.stats.replaced += 1
                self._start()

    def _start(self) -> None:
        self._thread = threading.Thread(target=self._work, name="engine", daemon=True)
        self._thread.start()

    def _work(self) -> None:
        while threading.current_thread() is self._thread and self._turn():
            pass

    def _turn(self) -> bool:
        """Serve who is next; False when closed. An idle thread then holds no job and no model."""
        jobs = self.queue.take()
        if jobs:
            self._serve(jobs)
        return bool(jobs)

    def _serve(self, jobs: list[Job]) -> None:
        """One forward for all; if it fails, each job alone: a fault stays with its cause."""
        began = time.monotonic()
        for job in jobs:
            job.started, job.thread = began, threading.current_thread()
        self._at_work.job = jobs[0]
        self._busy.set()
        try:
            results = self._compute(jobs)
        except BaseException as error:  # a Rust panic is no Exception; the caller gets it all
            self._failed(jobs, error)
            return
        finally:
            self._at_work.job = None
            self._busy.clear()
        taken = time.monotonic() - began
        self.stats.job(jobs, taken)
        if jobs[0].work is None:
            self.queue.answered(jobs, taken)
        for job, result in zip(jobs, results, strict=True):
            job.result.set_result(result)

    def _compute(self, jobs: list[Job]) -> list[Any]:
        first = jobs[0]
        if first.work is not None:
            return [first.work()]
        assert first.model is not None
        rows = iter(self.run(first.model, [one for job in jobs for one in job.requests]))
        return [[next(rows) for _ in job.requests] for job in jobs]

    def _failed(self, jobs: list[Job], error: BaseException) -> None:
        for job in jobs:
            job.started = 0.0
        if len(jobs) > 1:
            for job in jobs:
                self._serve([job])
            return
        job = jobs[0]
        if self._rescued(job, error):
            self._serve([job])
        else:
            job.result.set_exception(_as_error(error))

    def _rescued(self, job: Job, error: BaseException) -> bool:
        """Whether to try again. A rescue that fails must leave neither caller nor thread behind."""
        if job.model is None or job.rescued:
            return False
        job.rescued = True
        return self._saved(job.model, error)

    def _saved(self, model: LoadedModel, error: BaseException) -> bool:
        try:
            return self.rescue(model, error)
        except BaseException:
            log.exception("the rescue of a failed job failed itself")
            return False


def _as_error(error: BaseException) -> Exception:
    """What callers get: SystemExit and panics of native code would end their threads."""
    if isinstance(error, Exception):
        return error
    fault = EngineError("The model's work was broken off. Try again.")
    fault.__cause__ = error
    return fault


def _age(job: Job) -> float:
    return time.monotonic() - job.started


def _left(job: Job, seconds: float | None) -> float | None:
    """How long to wait before the clock is looked at again."""
    if seconds is None:
        return None
    return max(0.05, seconds - _age(job)) if job.started else min(seconds, 1.0)

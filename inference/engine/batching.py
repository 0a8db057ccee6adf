"""Forwards of several requests joined into one, by a thread that owns the device.

Whoever waits at the same time shares a forward; nobody waits for company. Since padding is hidden
and random numbers belong to the requests, a result does not depend on who shared it (exactly in
arithmetic; in float32 up to rounding, in bfloat16 a near tie can fall the other way).
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

from torch import Tensor

from .checkpoint import LoadedModel
from .errors import EngineError
from .forward import ForwardMany, Request, forward_many


@dataclass
class Job:
    """What one caller wants, and where it waits for it."""

    model: LoadedModel
    requests: Sequence[Request]
    result: Future[list[Tensor]] = field(default_factory=Future)

    @property
    def width(self) -> int:
        return max(len(request.ids) for request in self.requests)


@dataclass
class BatchStats:
    """Forwards made, jobs and sequences in them, and the largest number of jobs in one."""

    forwards: int = 0
    jobs: int = 0
    sequences: int = 0
    largest: int = 0


class Batcher:
    """Call it like `forward_many`, from any thread; `close` it at the end.

    A batch takes waiting jobs of the same model in the order of their arrival, up to
    `max_sequences` sequences and `max_tokens` padded tokens; the first one always goes, so that
    nobody is passed over for longer than one forward.
    """

    def __init__(
        self, run: ForwardMany = forward_many, max_sequences: int = 16, max_tokens: int = 16384
    ) -> None:
        self.run, self.max_sequences, self.max_tokens = run, max_sequences, max_tokens
        self.stats = BatchStats()
        self._waiting: deque[Job] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="engine", daemon=True)
        self._thread.start()

    def __call__(self, model: LoadedModel, requests: Sequence[Request]) -> list[Tensor]:
        """Logits of each request's rows; blocks until they are there."""
        job = Job(model, list(requests))
        with self._changed:
            if self._closed:
                raise EngineError("The engine has been shut down.")
            self._waiting.append(job)
            self._changed.notify()
        return job.result.result()

    def close(self) -> None:
        """Ends the thread after the forward at hand; whoever still waits gets an error."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _work(self) -> None:
        while jobs := self._take():
            self._serve(jobs)
        for job in self._waiting:
            job.result.set_exception(EngineError("The engine has been shut down."))

    def _take(self) -> list[Job]:
        """The next batch; empty when closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            if self._closed:
                return []
            batch = [self._waiting.popleft()]
            for job in list(self._waiting):
                if self._fits([*batch, job]):
                    self._waiting.remove(job)
                    batch.append(job)
            return batch

    def _fits(self, jobs: list[Job]) -> bool:
        sequences = sum(len(job.requests) for job in jobs)
        padded = sequences * max(job.width for job in jobs)
        same = all(job.model is jobs[0].model for job in jobs)
        return same and sequences <= self.max_sequences and padded <= self.max_tokens

    def _serve(self, jobs: list[Job]) -> None:
        """One forward for all; if it fails, each job alone: a fault stays with its cause."""
        try:
            self._deliver(jobs)
        except Exception as error:
            if len(jobs) == 1:
                jobs[0].result.set_exception(error)
                return
            for job in jobs:
                self._serve([job])

    def _deliver(self, jobs: list[Job]) -> None:
        together = [request for job in jobs for request in job.requests]
        rows = iter(self.run(jobs[0].model, together))
        results = [[next(rows) for _ in job.requests] for job in jobs]
        self.stats.forwards += 1
        self.stats.jobs += len(jobs)
        self.stats.sequences += len(together)
        self.stats.largest = max(self.stats.largest, len(jobs))
        for job, result in zip(jobs, results, strict=True):
            job.result.set_result(result)

"""What the engine's thread has done, counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from inference.engine.batch_queue import Job


@dataclass
class BatchStats:
    """Forwards made, jobs and sequences in them, and the largest number of jobs in one.

    `works` counts what had the device alone, `replaced` the threads that were left behind.
    """

    forwards: int = 0
    jobs: int = 0
    sequences: int = 0
    largest: int = 0
    works: int = 0
    replaced: int = 0
    busy_seconds: float = 0.0

    def job(self, jobs: Sequence[Job], seconds: float) -> None:
        """One forward for all of these, or one piece of work."""
        self.busy_seconds += seconds
        if jobs[0].work is not None:
            self.works += 1
        else:
            self.forward(jobs)

    def forward(self, jobs: Sequence[Job]) -> None:
        """One forward, by itself or within a piece of work."""
        self.forwards += 1
        self.jobs += len(jobs)
        self.sequences += sum(len(job.requests) for job in jobs)
        self.largest = max(self.largest, len(jobs))

"""What a worker does for errands and for the counting job."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from core.jobs.leases import Lease, fenced
from core.worker.executor import advance
from core.worker.slices import work_guarded
from inference.events import publish
from tests.core.errands.commands import TABLE
from tests.core.errands.models import Count, Errand

TOTAL = 3


def advance_errand(pk: Any) -> None:
    advance(Errand, pk, lambda lease: None, TABLE)


def count(pk: Any, meanwhile: Callable[[], None] = lambda: None) -> None:
    """A slice of the job; `meanwhile` happens before it is stored."""
    advance(Count, pk, lambda lease: _slice(lease, meanwhile))


def _slice(lease: Lease, meanwhile: Callable[[], None]) -> None:
    job = Count.objects.get(pk=lease.row)
    if job.status not in Count.ACTIVE:
        return
    work_guarded(
        "job",
        begin=lambda: _begin(lease, job),
        work=lambda: _work(lease, job, meanwhile),
        fail=lambda shape: _end(lease, job, Count.Status.FAILED, shape),
    )


def _begin(lease: Lease, job: Count) -> int:
    with fenced(lease):
        job.status, job.attempts = Count.Status.RUNNING, job.attempts + 1
        job.save(update_fields=["status", "attempts"])
    return job.attempts


def _work(lease: Lease, job: Count, meanwhile: Callable[[], None]) -> None:
    if Count.objects.filter(pk=job.pk, cancel_requested=True).exists():
        _end(lease, job, Count.Status.CANCELLED)
        return
    number = len(job.partial) + 1
    meanwhile()
    with fenced(lease):
        job.partial, job.attempts = [*job.partial, number], 0
        job.save(update_fields=["partial", "attempts"])
        publish(job.stream_id, "number", {"number": number})
    if number == TOTAL:
        _end(lease, job, Count.Status.DONE)


def _end(lease: Lease, job: Count, status: str, error: dict[str, Any] | None = None) -> None:
    with fenced(lease):
        job.status, job.error = status, error
        job.save(update_fields=["status", "error"])

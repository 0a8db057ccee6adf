"""Jobs of the Lab: started and cancelled here, worked by `visualizer.worker.lab`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone

from core.jobs import dispatch
from inference import registry
from inference.errors import UnmaskError
from inference.events import publish
from inference.limits import LIMITS
from inference.models import ModelEntry, Stream
from visualizer.models import LabJob
from visualizer.selectors.lab import lab_progress

ACTIVE = LabJob.ACTIVE
MOST_ACTIVE = 2
"""Jobs that one account may have waiting or at work."""
MOST_CASES = 20_000


@transaction.atomic
def lab_start(
    *,
    owner: Any,
    model: str,
    recipes: list[str],
    steps: list[int],
    count: int,
    seed: int = 0,
    seeds: int = 1,
    block_lengths: Sequence[int] = (0,),
    parameters: dict[str, dict[str, Any]] | None = None,
) -> LabJob:
    """Queue a job. Raises UnmaskError for models without a task and for one job too many.

    The caller has checked the values (the command's schema does).
    """
    entry = registry.resolve(model, owner)
    if LabJob.objects.filter(owner=owner, status__in=ACTIVE).count() >= MOST_ACTIVE:
        raise UnmaskError("conflict", f"{MOST_ACTIVE} of your jobs are not done yet. Cancel one.")
    job = LabJob(
        owner=owner,
        model=entry,
        task=_task_of(entry),
        recipes=recipes,
        steps=steps,
        count=count,
        seed=seed,
        seeds=seeds,
        block_lengths=list(block_lengths),
        parameters=parameters or {},
    )
    _check_size(job)
    job.stream = Stream.objects.create()
    job.save()
    tell(job)
    dispatch.work(job)
    return job


def _check_size(job: LabJob) -> None:
    """Raises UnmaskError (count, seed) for more cases, or later seeds, than there may be."""
    if job.total > MOST_CASES:
        says = f"That is {job.total} cases; a job has {MOST_CASES} at most."
        raise UnmaskError("validation", f"{says} Take fewer settings, seeds or cases.", "count")
    last = int(LIMITS["seed"].high)
    if job.seed + job.seeds + job.count - 2 > last:  # a session of each case has one of its own
        says = f"Seeds and cases count on from it, up to {last}. Take a smaller one."
        raise UnmaskError("validation", says, "seed")


def _task_of(entry: ModelEntry) -> str:
    task = str(entry.card.get("task") or "")
    if not task or entry.kind != ModelEntry.Kind.DIFFUSION:
        raise UnmaskError(
            "validation", "This model was not trained on a task that can be checked.", "model"
        )
    return task


@transaction.atomic
def lab_cancel(*, job: LabJob) -> LabJob:
    """Ask a job to end after the case that is being decoded. Its finished rows stay."""
    asked = LabJob.objects.filter(pk=job.pk, status__in=ACTIVE).update(cancel_requested=True)
    if not asked:
        raise UnmaskError("conflict", "This job has ended already.", "job")
    job.refresh_from_db()
    dispatch.work(job)
    return job


@transaction.atomic
def lab_delete(*, job: LabJob) -> None:
    """Forget a job that has ended, with its rows. Raises UnmaskError (conflict) before that."""
    row = LabJob.objects.select_for_update().get(pk=job.pk)
    if row.status in ACTIVE:
        raise UnmaskError("conflict", "This job is still at work. Cancel it first.", "job")
    stream = row.stream
    row.delete()
    stream.delete()


@transaction.atomic
def begin(*, job: LabJob) -> None:
    """Count the attempt; the first one makes the job a running one."""
    fresh = job.status == LabJob.Status.QUEUED
    job.count_attempt()
    if fresh:
        tell(job)


@transaction.atomic
def keep(*, job: LabJob) -> None:
    """Write what has been measured, and tell how far the job is."""
    job.attempts = 0
    job.save(update_fields=["results", "partial", "cases", "attempts", "updated"])
    tell(job)


@transaction.atomic
def end(*, job: LabJob, status: str, error: dict[str, Any] | None = None) -> None:
    """The job is over."""
    job.status, job.error, job.finished = status, error, timezone.now()
    job.save(update_fields=["status", "error", "finished", "updated"])
    tell(job)


def tell(job: LabJob) -> None:
    publish(job.stream_id, "lab", lab_progress(job))

"""Jobs of the Lab: reached through their owner only."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from inference.errors import UnmaskError
from inference.models import ModelEntry
from visualizer.models import LabJob


def lab_jobs(user: Any) -> QuerySet[LabJob]:
    """The user's jobs, newest first."""
    return LabJob.objects.filter(owner=user).select_related("model").order_by("-created")


def lab_job(user: Any, id: UUID | str) -> LabJob:
    """The user's job. Raises not_found for strangers exactly as for ids that never were."""
    try:
        key = id if isinstance(id, UUID) else UUID(id)
    except ValueError:
        key = UUID(int=0)
    job = lab_jobs(user).filter(pk=key).first()
    if job is None:
        raise UnmaskError("not_found", "There is no such job, or it is not yours.", "job")
    return job


def lab_row(job: LabJob, number: int) -> dict[str, Any]:
    """A finished row. Raises not_found."""
    if not 0 <= number < len(job.results):
        raise UnmaskError("not_found", "This job has no such row.", "row")
    row: dict[str, Any] = job.results[number]
    return row


def lab_case(job: LabJob, number: int) -> dict[str, Any]:
    """How a session of a case begins. Raises not_found; so for a case that no prompt can say."""
    case: dict[str, Any] = job.cases[number] if 0 <= number < len(job.cases) else {}
    if not case:
        raise UnmaskError("not_found", "This case was not kept.", "case")
    return case


def lab_models() -> list[ModelEntry]:
    """The models on this machine that were trained on a task, so that they can be measured."""
    here = ModelEntry.objects.exclude(state=ModelEntry.State.ABSENT)
    diffusion = here.filter(kind=ModelEntry.Kind.DIFFUSION).order_by("label")
    return [entry for entry in diffusion if entry.card.get("task")]


def lab_progress(job: LabJob) -> dict[str, Any]:
    """What the job's own stream tells: how far it is. `share` is 0 to 1."""
    return {
        "id": str(job.pk),
        "status": job.status,
        "made": job.made,
        "total": job.total,
        "share": round(job.made / job.total, 4),
        "rows": len(job.results),
        "error": job.error,
    }


def lab_payload(job: LabJob) -> dict[str, Any]:
    """The whole job with its rows: `{recipe, block_length, steps, passes, tokens_per_pass,
    milliseconds, marks, intervals, each}`.

    `milliseconds` is the mean of a case, `marks` are means in 0 to 1, the one that matters first,
    `intervals` hold 95 % of each mark over seeds and cases (with several seeds), and `each` is the
    first mark of every case, seed after seed.
    """
    return {
        **lab_progress(job),
        "model": job.model.slug,
        "task": job.task,
        "recipes": job.recipes,
        "parameters": job.parameters,
        "steps": job.steps,
        "block_lengths": job.block_lengths,
        "count": job.count,
        "seed": job.seed,
        "seeds": job.seeds,
        "results": job.results,
        "created": job.created.isoformat(),
        "finished": job.finished.isoformat() if job.finished else None,
    }

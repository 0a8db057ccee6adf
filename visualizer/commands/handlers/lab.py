"""Starting, cancelling and looking at jobs of the Lab."""

from __future__ import annotations

from typing import Any

from visualizer.commands.requests import Request
from visualizer.models import LabJob
from visualizer.selectors import lab as selectors
from visualizer.services import lab


def lab_start(request: Request) -> dict[str, Any]:
    """lab_job: the job is queued."""
    fields = request.message.model_dump(exclude={"request_id"})
    return _told(lab.lab_start(owner=request.user, **fields))


def lab_cancel(request: Request) -> dict[str, Any]:
    """lab_job: it will end after the case in the making."""
    job = selectors.lab_job(request.user, request.message.job)
    return _told(lab.lab_cancel(job=job))


def lab_job(request: Request) -> dict[str, Any]:
    """lab_job with the rows that are finished."""
    return _told(selectors.lab_job(request.user, request.message.job))


def lab_jobs(request: Request) -> dict[str, Any]:
    """lab_job_list: how far each job is."""
    rows = selectors.lab_jobs(request.user)[: request.message.limit]
    return {"type": "lab_job_list", "jobs": [selectors.lab_progress(job) for job in rows]}


def _told(job: LabJob) -> dict[str, Any]:
    return {"type": "lab_job", "job": selectors.lab_payload(job)}

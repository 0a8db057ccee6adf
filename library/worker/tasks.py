"""Celery tasks of the library: ids in, threads that wait for other machines."""

from __future__ import annotations

from celery import shared_task

from library.models import Download
from library.worker import downloads
from library.worker.threads import DOWNLOADS


@shared_task(name=Download.TASK)
def download(download_id: str) -> None:
    """Work a download beside other tasks."""
    DOWNLOADS.put(f"download {download_id}", lambda: downloads.work(download_id))

"""Celery tasks of the library: ids in, threads that wait for other machines."""

from __future__ import annotations

from celery import shared_task

from library.models import Download, RemoteGeneration
from library.worker import downloads
from library.worker.remote import answers, listing
from library.worker.threads import ANSWERS, DOWNLOADS

__all__ = ["answer", "download", "listing"]


@shared_task(name=Download.TASK)
def download(download_id: str) -> None:
    """Work a download beside other tasks."""
    DOWNLOADS.put(f"download {download_id}", lambda: downloads.work(download_id))


@shared_task(name=RemoteGeneration.TASK)
def answer(generation_id: str) -> None:
    """Read a server's answer beside other tasks."""
    ANSWERS.put(f"answer {generation_id}", lambda: answers.work(generation_id))

"""A download in a worker: slices of some seconds, each of which goes on where the disk ends."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import F

from core.jobs.leases import Lease, LeaseLost, fenced
from core.jobs.renewals import renewed
from core.worker.executor import advance
from core.worker.slices import work_guarded
from inference import registry
from inference.catalog.families import FAMILIES, family_of
from inference.causal_families import is_causal
from inference.errors import UnmaskError
from inference.model_folders import read_object
from library.models import Download
from library.services import downloads
from library.services.downloads import RemoteFile
from library.worker import hub
from library.worker.cache_files import CacheFiles

SLICE_SECONDS = 30.0
TELL_SECONDS = 1.0
Status = Download.Status


class SliceOver(Exception):
    """The time is up; the next slice asks the hub for the rest."""


class Cancelled(Exception):
    """Somebody has ended the download."""


def work(download_id: str) -> None:
    """Work a slice of a download, unless another worker is at it."""
    advance(Download, download_id, work_slice)


def work_slice(lease: Lease, seconds: float = SLICE_SECONDS) -> None:
    """Fetch for some seconds; whoever holds the lease next goes on after the last byte."""
    row = Download.objects.get(pk=lease.row)
    if row.status not in Download.ACTIVE:
        return
    work_guarded(
        "download",
        begin=lambda: _begin(lease, row),
        work=lambda: _work(lease, row, time.monotonic() + seconds),
        fail=lambda shape: _end(lease, row, Status.FAILED, shape),
    )


def _begin(lease: Lease, row: Download) -> int:
    """Not if it was cancelled since it was read: whoever waits in line ends without a worker."""
    with fenced(lease):
        rows = Download.objects.filter(pk=row.pk, status__in=Download.ACTIVE)
        if not rows.update(status=Status.RUNNING, attempts=F("attempts") + 1):
            raise LeaseLost("it was cancelled while it waited")
    row.refresh_from_db()
    return row.attempts


def _work(lease: Lease, row: Download, until: float) -> None:
    try:
        with renewed(lease):
            _Transfer(lease, row, until).run()
    except SliceOver:
        return
    except Cancelled:
        _end(lease, row, Status.CANCELLED)
        return
    registry.sync_models()
    _end(lease, row, Status.DONE)


def _end(lease: Lease, row: Download, status: str, error: dict[str, Any] | None = None) -> None:
    with fenced(lease):
        downloads.end(row=row, status=status, error=error)


class _Transfer:
    """The files of one download, until they are here, the slice is over, or somebody cancels."""

    def __init__(self, lease: Lease, row: Download, until: float) -> None:
        self._lease, self._row, self._until = lease, row, until
        self._told = 0.0

    def run(self) -> None:
        """Raises SliceOver, Cancelled, UnmaskError."""
        self._look()
        if not self._row.commit:
            self._plan()
        files = [RemoteFile(**one) for one in self._row.files]
        self._cache = CacheFiles(settings.HUB_CACHE, self._row.repository, self._row.commit)
        missing = self._row.bytes_total - sum(map(self._cache.size, files))
        self._cache.check_room(missing)
        self._before = 0
        for file in files:
            self._bring(file)
            self._before += file.size
        self._cache.name_revision(self._row.revision)
        self._tell("", self._row.bytes_total)

    def _plan(self) -> None:
        found = hub.plan(self._row.repository, self._row.revision)
        with fenced(self._lease):
            downloads.plan(
                row=self._row, commit=found.commit, files=found.files, licence=found.licence
            )

    def _bring(self, file: RemoteFile) -> None:
        """A file that lies in the cache already, from wherever, is not fetched again."""
        if not self._cache.blob(file).exists():
            partial = self._cache.partial(file)
            hub.fetch(
                self._row.repository, self._row.commit, file, partial, self._progress_of(file)
            )
            self._cache.keep(file)
        self._cache.link(file)
        if file.name == "config.json":
            check_family(self._cache.snapshot)

    def _progress_of(self, file: RemoteFile) -> hub.Told:
        def told(bytes_here: int) -> None:
            if time.monotonic() - self._told >= TELL_SECONDS:
                self._tell(file.name, self._before + bytes_here)
                self._cache.check_room(0)
                self._look()

        return told

    def _tell(self, file: str, done: int) -> None:
        self._told = time.monotonic()
        with fenced(self._lease):
            downloads.tell_progress(row=self._row, file=file, done=done)

    def _look(self) -> None:
        if self._row.is_cancelled:
            raise Cancelled
        if time.monotonic() > self._until:
            raise SliceOver


def check_family(snapshot: Path) -> None:
    """Whether the model can be loaded, before its weights are fetched. Raises UnmaskError."""
    config = read_object(snapshot, "config.json")
    model_type = config.get("model_type")
    if isinstance(model_type, str) and (family_of(model_type) in FAMILIES or is_causal(config)):
        return
    raise UnmaskError(
        "validation",
        f"Its model type ({str(model_type)[:40]}) is none that can be loaded here, so its weights "
        "were not fetched.",
        "repository",
    )

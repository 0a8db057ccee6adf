"""Downloads: begun and cancelled by people, told of and ended by workers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from core.jobs import dispatch
from inference.errors import UnmaskError
from inference.events import publish
from inference.model_folders import NAME
from inference.models import Stream
from library.models import Download
from library.services.access import require_manager

REVISION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,99}")
LONGEST_NAME = 96
"""Characters of a repository's owner, and of its name, as the hub allows them."""
OFFLINE = "This site asks nothing of the hub (HF_HUB_OFFLINE). Unset it, or copy the files here."
Status = Download.Status


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file of a revision. `hash`: SHA-256 of its content, or git's SHA-1 for small ones."""

    name: str
    size: int
    hash: str


def start(*, user: Any, repository: str, revision: str = "main") -> Download:
    """Write a download down and send it to a worker.

    Raises UnmaskError: auth for people who may not, validation for a name that is none, conflict
    while the same repository is on its way, model_unavailable where nothing is asked of the hub.
    """
    require_manager(user)
    if settings.HUB_OFFLINE:
        raise UnmaskError("model_unavailable", OFFLINE)
    _check_name(repository)
    if REVISION.fullmatch(revision) is None or ".." in revision:
        raise UnmaskError("validation", "A revision is a branch, a tag or a commit.", "revision")
    try:
        return _created(user, repository, revision)
    except IntegrityError:
        raise UnmaskError(
            "conflict", f"{repository} is on its way already.", "repository"
        ) from None


@transaction.atomic
def _created(user: Any, repository: str, revision: str) -> Download:
    row = Download.objects.create(
        owner=user, repository=repository, revision=revision, stream=Stream.objects.create()
    )
    dispatch.work(row)
    return row


def _check_name(repository: str) -> None:
    """OWNER/NAME (a few old ones have no owner). Raises UnmaskError (validation)."""
    parts = repository.split("/")
    fits = NAME.fullmatch(repository) and all(len(part) <= LONGEST_NAME for part in parts)
    if not fits or ".." in repository or "--" in repository:
        raise UnmaskError(
            "validation",
            "Name the repository as the hub does: owner/name, with letters a to z, digits, dots, "
            "dashes and underscores.",
            "repository",
        )


def download_for(id: UUID | str) -> Download:
    """A download; everybody may see all of them. Raises UnmaskError (not_found)."""
    try:
        key = id if isinstance(id, UUID) else UUID(id)
    except ValueError:
        raise _missing() from None
    row = Download.objects.filter(pk=key).first()
    if row is None:
        raise _missing()
    return row


def _missing() -> UnmaskError:
    return UnmaskError("not_found", "There is no such download.", "id")


@transaction.atomic
def cancel(*, user: Any, id: UUID | str) -> Download:
    """End a download; what came stays on the disk, so that another one goes on from there.

    One that waits in line ends at once. Raises UnmaskError: auth, not_found, or conflict when it
    is over already.
    """
    require_manager(user)
    row = download_for(id)
    if row.status not in Download.ACTIVE:
        raise UnmaskError("conflict", "This download is over already.", "id")
    waiting = Download.objects.filter(pk=row.pk, status=Status.QUEUED)
    if waiting.update(status=Status.CANCELLED, finished=timezone.now()):
        publish(row.stream_id, "done", {"status": Status.CANCELLED, **_progress(row)})
    else:
        Download.objects.filter(pk=row.pk).update(cancel_requested=True)
        dispatch.work(row)
    row.refresh_from_db()
    return row


def plan(*, row: Download, commit: str, files: Sequence[RemoteFile], licence: str) -> None:
    """Inside a fenced transaction: what there is to fetch."""
    row.commit, row.licence = commit, licence[:100]
    row.files = [asdict(file) for file in files]
    row.bytes_total = sum(file.size for file in files)
    row.started = timezone.now()
    row.save(update_fields=["commit", "licence", "files", "bytes_total", "started", "updated"])
    publish(row.stream_id, "progress", _progress(row))


def tell_progress(*, row: Download, file: str, done: int) -> None:
    """Inside a fenced transaction: how far it has come; a byte more forgives failed attempts."""
    row.attempts = 0 if done > row.bytes_done else row.attempts
    row.file, row.bytes_done = file, done
    row.save(update_fields=["file", "bytes_done", "attempts", "updated"])
    publish(row.stream_id, "progress", _progress(row))


def end(*, row: Download, status: str, error: dict[str, Any] | None = None) -> None:
    """Inside a fenced transaction: it is over; the last event."""
    row.status, row.error, row.finished, row.file = status, error, timezone.now(), ""
    row.save(update_fields=["status", "error", "finished", "file", "updated"])
    told = {"status": status, **_progress(row)}
    publish(row.stream_id, "done" if error is None else "error", told if error is None else error)


def _progress(row: Download) -> dict[str, Any]:
    return {
        "repository": row.repository,
        "file": row.file,
        "bytes_done": row.bytes_done,
        "bytes_total": row.bytes_total,
    }

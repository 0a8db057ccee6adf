"""Calibrations of decisions: begun and cancelled here, worked by visualizer.worker.calibration."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone

from core.jobs import dispatch
from inference import registry
from inference.errors import UnmaskError
from inference.events import publish
from inference.models import ModelEntry, Stream
from visualizer.models import Calibration
from visualizer.selectors.calibrations import progress

MOST_ACTIVE = 2
"""Calibrations that one account may have waiting or at work."""


@transaction.atomic
def calibrate(
    *,
    owner: Any,
    model: str | None,
    places: list[dict[str, Any]],
    examples: list[dict[str, Any]],
    name: str = "",
) -> Calibration:
    """Queue a calibration. Raises UnmaskError for a model that has no masks, and for one too many.

    The caller has checked that examples and places fit (the command's schema does).
    """
    entry = registry.resolve(model, owner) if model else registry.default_model()
    if entry.kind != ModelEntry.Kind.DIFFUSION:
        raise UnmaskError("validation", "Decisions need a diffusion model.", "model")
    rows = Calibration.objects.filter(owner=owner, status__in=Calibration.ACTIVE)
    if rows.count() >= MOST_ACTIVE:
        raise UnmaskError("conflict", f"{MOST_ACTIVE} of your calibrations are not done yet.")
    row = Calibration.objects.create(
        owner=owner,
        model=entry,
        name=name,
        places=places,
        examples=examples,
        stream=Stream.objects.create(),
    )
    tell(row)
    dispatch.work(row)
    return row


@transaction.atomic
def cancel(*, row: Calibration) -> Calibration:
    """Ask it to end after the example in the making. Raises UnmaskError if it has ended."""
    asked = Calibration.objects.filter(pk=row.pk, status__in=Calibration.ACTIVE)
    if not asked.update(cancel_requested=True):
        raise UnmaskError("conflict", "This calibration has ended already.", "calibration")
    row.refresh_from_db()
    dispatch.work(row)
    return row


@transaction.atomic
def delete(*, row: Calibration) -> None:
    """Forget it with its examples and its stream. Raises UnmaskError while it is at work.

    Decisions that were made with its temperature stay as they were told.
    """
    found = Calibration.objects.select_for_update().filter(pk=row.pk)
    if found.filter(status__in=Calibration.ACTIVE).exists():
        words = "This calibration is at work. Cancel it, and delete it when it has ended."
        raise UnmaskError("conflict", words, "calibration")
    found.delete()
    Stream.objects.filter(pk=row.stream_id).delete()


@transaction.atomic
def begin(*, row: Calibration) -> None:
    """Count the attempt; the first one makes it a running one."""
    row.count_attempt()
    tell(row)


@transaction.atomic
def keep(*, row: Calibration) -> None:
    """Write the scores that were computed, and tell how far it is."""
    row.attempts = 0
    row.save(update_fields=["partial", "attempts", "updated"])
    tell(row)


@transaction.atomic
def end(*, row: Calibration, status: str, error: dict[str, Any] | None = None) -> None:
    """It is over: `results` are kept, the scores that led to them are not."""
    row.status, row.error, row.finished, row.partial = status, error, timezone.now(), []
    row.save(update_fields=["status", "error", "finished", "partial", "results", "updated"])
    tell(row)


def tell(row: Calibration) -> None:
    publish(row.stream_id, "calibration", progress(row))

"""Calibrations of decisions: reached through their owner only."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from inference.errors import UnmaskError
from visualizer.models import Calibration


def calibrations(user: Any) -> QuerySet[Calibration]:
    """The user's calibrations, newest first."""
    rows = Calibration.objects.filter(owner=user).select_related("model")
    return rows.order_by("-created")


def calibration(user: Any, id: UUID | str) -> Calibration:
    """The user's calibration. Raises not_found for strangers exactly as for ids that never were."""
    try:
        key = id if isinstance(id, UUID) else UUID(id)
    except ValueError:
        key = UUID(int=0)
    row = calibrations(user).filter(pk=key).first()
    if row is None:
        words = "There is no such calibration, or it is not yours."
        raise UnmaskError("not_found", words, "calibration")
    return row


def temperature_of(user: Any, id: UUID | str, model: str) -> float:
    """The fitted temperature of a calibration of the user's, for decisions of that model.

    Raises UnmaskError: not_found, conflict while it is not done, validation for another model.
    """
    row = calibration(user, id)
    if row.status != Calibration.Status.DONE:
        raise UnmaskError("conflict", "This calibration has no temperature yet.", "calibration")
    if row.model.slug != model:
        words = f"This calibration was made with {row.model.slug}."
        raise UnmaskError("validation", words, "calibration")
    return float(row.results["temperature"])


def progress(row: Calibration) -> dict[str, Any]:
    """How far it is: what its stream tells."""
    done = row.status == Calibration.Status.DONE
    return {
        "id": str(row.pk),
        "status": row.status,
        "made": len(row.examples) if done else len(row.partial),
        "total": len(row.examples),
        "error": row.error,
    }


def payload(row: Calibration) -> dict[str, Any]:
    """The whole of it but its examples; `temperature` and what is measured once it is done."""
    return {
        **progress(row),
        "name": row.name,
        "model": row.model.slug,
        "places": row.places,
        "created": row.created.isoformat(),
        "finished": row.finished.isoformat() if row.finished else None,
        "results": row.results or None,
    }

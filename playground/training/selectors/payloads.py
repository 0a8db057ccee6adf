"""Trainings as sockets and pages tell them."""

from __future__ import annotations

from typing import Any

from playground.training.models import Moment, Point, Training
from playground.training.selectors.trainings import moments_of

Payload = dict[str, Any]


def status_payload(training: Training) -> Payload:
    """How far it is. `seconds_left` is null while nothing is known of the pace."""
    newest = Point.objects.filter(training=training).order_by("-step").first()
    step = newest.step if newest else 0
    return {
        "id": str(training.pk),
        "name": training.name,
        "state": training.state,
        "note": training.note,
        "error": training.error,
        "step": step,
        "steps": training.steps,
        "share": round(step / training.steps, 4),
        "parameters": training.parameters,
        "tokens_per_second": round(training.speed),
        "seconds": round(newest.seconds, 1) if newest else 0.0,
        "seconds_left": _seconds_left(training, step),
        "loss": newest.loss if newest else None,
        "held_out": newest.held_out if newest else None,
        "model": training.model.slug if training.model else None,
    }


def _seconds_left(training: Training, step: int) -> float | None:
    if training.status not in Training.ACTIVE or not training.speed:
        return None
    tokens: int = training.sizes["batch_size"] * training.sizes["context"]
    return float(round((training.steps - step) * tokens / training.speed, 1))


def point_payload(point: Point) -> Payload:
    """A piece of the curve."""
    names = ("first", "step", "loss", "held_out", "tokens", "seconds")
    return {name: getattr(point, name) for name in names}


def moment_payload(moment: Moment) -> Payload:
    """A kept moment, without where it lies."""
    return {"step": moment.step, "prompt": moment.prompt, "sample": moment.sample}


def whole(training: Training) -> Payload:
    """The training with its curve and moments; `number` is the newest event's."""
    training.refresh_from_db(from_queryset=Training.objects.select_related("stream", "model"))
    return {
        "number": training.stream.last_number,
        "status": status_payload(training),
        "points": list(_points(training)),
        "moments": [moment_payload(row) for row in moments_of(training)],
    }


def _points(training: Training) -> Any:
    rows = Point.objects.filter(training=training).order_by("step")
    return rows.values("first", "step", "loss", "held_out", "tokens", "seconds")

"""What a worker writes of a training: points, moments, checkpoints, its end.

All of it runs inside transactions that hold only while the worker's lease does.
"""

from __future__ import annotations

import math
from typing import Any

from django.conf import settings
from django.db.models import F
from django.utils import timezone
from django.utils.text import slugify

from inference.events import publish
from inference.models import ModelEntry
from playground.training.models import DayUse, Moment, Point, Training
from playground.training.selectors.payloads import moment_payload, point_payload, status_payload
from playground.training.services.trainings import USED_UP, tell

Status = Training.Status
PACE = 10
"""Points over which the pace is measured."""
Told = dict[str, Any]


def begin(*, training: Training) -> int:
    """Count the attempt and forget what the curve has beyond the checkpoint.

    Returns how many attempts began since something was stored.
    """
    attempts = training.count_attempt()
    beyond = {"training": training, "step__gt": training.step}
    Point.objects.filter(**beyond).delete()
    Moment.objects.filter(**beyond).delete()
    publish(training.stream_id, "rewound", {"step": training.step, **_status(training)})
    return attempts


def add_points(*, training: Training, points: list[Told]) -> None:
    """Pieces of the curve, in order, and the pace that they show."""
    rows = [
        Point(
            training=training,
            first=told["first"],
            step=told["step"],
            loss=_finite(told["loss"]),
            held_out=_finite(told["held_out"]),
            tokens=told["tokens"],
            seconds=told["seconds"],
        )
        for told in points
    ]
    Point.objects.bulk_create(rows)
    training.speed = _pace(training)
    training.save(update_fields=["speed", "updated"])
    payload = {"points": [point_payload(row) for row in rows], **_status(training)}
    publish(training.stream_id, "points", payload)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _pace(training: Training) -> float:
    """Tokens a second over the last points."""
    newest = list(Point.objects.filter(training=training).order_by("-step")[:PACE])
    last, first = newest[0], newest[-1]
    if last.step == first.step:
        return last.tokens / last.seconds if last.seconds else 0.0
    seconds = last.seconds - first.seconds
    return (last.tokens - first.tokens) / seconds if seconds > 0 else 0.0


def add_moment(*, training: Training, told: Told, folder: str, card: Told) -> None:
    """Keep a moment; the training's model is the newest one from now on."""
    sample = told["sample"]
    row, _ = Moment.objects.update_or_create(
        training=training,
        step=told["step"],
        defaults={"folder": folder, "prompt": sample["prompt"], "sample": sample["text"]},
    )
    training.model = _model(training, folder, card)
    training.save(update_fields=["model", "updated"])
    payload = {"moment": moment_payload(row), **_status(training)}
    publish(training.stream_id, "moment", payload)


def _model(training: Training, folder: str, card: Told) -> ModelEntry:
    """The owner's model, which is listed as soon as there is something to load."""
    columns = {
        "label": training.name,
        "path": folder,
        "kind": card["kind"],
        "context": card["context"],
        "card": card,
        "owner_id": training.owner_id,
        "parameters": card["training"]["parameters"],
    }
    if training.model_id is not None:
        ModelEntry.every.filter(pk=training.model_id).update(**columns)
        found: ModelEntry = ModelEntry.every.get(pk=training.model_id)
        return found
    slug = f"trained/{slugify(training.name)[:40] or 'model'}-{training.pk.hex[:8]}"
    made: ModelEntry = ModelEntry.every.create(slug=slug, **columns)
    return made


def set_parameters(*, training: Training, parameters: int) -> None:
    """How many weights the model has."""
    training.parameters = parameters
    training.save(update_fields=["parameters"])


def set_checkpoint(*, training: Training, step: int, folder: str, size: int) -> None:
    """From now on a worker goes on from here."""
    training.step, training.checkpoint, training.size = step, folder, size
    training.attempts = 0
    training.save(update_fields=["step", "checkpoint", "size", "attempts", "updated"])


def count_seconds(*, training: Training, seconds: float) -> float:
    """Charge the owner for training; returns how many seconds are left today."""
    day = timezone.now().date()
    row, _ = DayUse.objects.get_or_create(owner_id=training.owner_id, day=day)
    DayUse.objects.filter(pk=row.pk).update(seconds=F("seconds") + seconds)
    left: float = settings.TRAINING_SECONDS - row.seconds - seconds
    return left


def pause_for_quota(*, training: Training) -> None:
    """The day's minutes are used up."""
    training.paused, training.note = True, USED_UP
    training.save(update_fields=["paused", "note", "updated"])
    tell(training)


def queue_again(*, training: Training) -> None:
    """Others have waited long enough: behind them it goes on."""
    training.status = Status.QUEUED
    training.save(update_fields=["status", "updated"])
    tell(training)


def end(*, training: Training, status: str, error: Told | None = None) -> None:
    """The training is over, for now: it can be made longer."""
    training.status, training.error, training.finished = status, error, timezone.now()
    training.cancel_requested = False
    training.save(update_fields=["status", "error", "finished", "cancel_requested", "updated"])
    tell(training)


def _status(training: Training) -> Told:
    return {"status": status_payload(training)}

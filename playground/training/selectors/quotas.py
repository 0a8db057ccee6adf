"""What an account may still use: models, bytes, minutes of training a day, texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import Sum
from django.utils import timezone

from playground.training.models import DayUse, Text, Training

MOST_ACTIVE = 2
"""Trainings of an account that go on at a time."""
TEXTS_BYTES = 20 * 2**20
MOST_TEXTS = 50


@dataclass(frozen=True)
class Quota:
    """What is used and what there is of one thing."""

    used: float
    most: float

    @property
    def left(self) -> float:
        return max(0.0, self.most - self.used)


def models_quota(user: Any) -> Quota:
    """Trainings, each of which keeps a model."""
    return Quota(Training.objects.filter(owner=user).count(), settings.TRAINING_MODELS)


def bytes_quota(user: Any) -> Quota:
    """Bytes on disk of all trainings."""
    used = Training.objects.filter(owner=user).aggregate(sum=Sum("size"))["sum"] or 0
    return Quota(used, settings.TRAINING_BYTES)


def seconds_quota(user: Any) -> Quota:
    """Seconds of training today (UTC)."""
    today = DayUse.objects.filter(owner=user, day=timezone.now().date())
    return Quota(today.values_list("seconds", flat=True).first() or 0.0, settings.TRAINING_SECONDS)


def texts_quota(user: Any) -> Quota:
    """Bytes of the account's own texts."""
    used = Text.objects.filter(owner=user).aggregate(sum=Sum("size"))["sum"] or 0
    return Quota(used, TEXTS_BYTES)

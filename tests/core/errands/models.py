"""An errand that commands are about, its commands, and a job of three slices."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import models
from django.db.models import QuerySet
from django.db.models.functions import Now

from core.jobs.models import CommandRow, Job, Leased
from inference.models import Stream


class Errand(Leased):
    """Somebody's list of things."""

    TASK = "errands.advance"
    EVENTS_KEPT = timedelta(hours=1)

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    things = models.JSONField(default=list)
    stream = models.OneToOneField(Stream, on_delete=models.PROTECT)

    @classmethod
    def with_work(cls, patience: timedelta = timedelta()) -> QuerySet[Errand]:
        asked = ErrandCommand.objects.filter(state=CommandRow.State.PENDING)
        if patience:
            asked = asked.filter(created__lt=Now() - patience)
        return cls.objects.filter(pk__in=asked.values("errand"))


class ErrandCommand(CommandRow):
    TARGET = "errand"
    TASK = "errands.execute"

    errand = models.ForeignKey(Errand, null=True, on_delete=models.CASCADE, related_name="commands")

    class Meta(CommandRow.Meta):
        constraints = [models.UniqueConstraint(fields=["user", "request_id"], name="errand_once")]


class Count(Job):
    """Counts to three, one number a slice."""

    TASK = "errands.count"

"""Abstract rows that workers work: leased ones, jobs in slices, commands."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any, ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import QuerySet

from inference.models import ModelEntry, Stream


class Leased(models.Model):
    """A row that one worker at a time may work: the lease's end, and its newest fencing number.

    A subclass names the Celery task that works a row (called with the primary key as text) and says
    which rows have work. The reaper finds all concrete subclasses by itself.
    """

    TASK: ClassVar[str]

    lease_fence = models.PositiveBigIntegerField(default=0)
    lease_expires = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True

    @classmethod
    def with_work(cls, patience: timedelta = timedelta()) -> QuerySet[Self]:
        """Rows for which there is something to do.

        `patience`: what was asked for less than this long ago does not count yet, because its task
        may still be on its way.
        """
        raise NotImplementedError


class Job(Leased):
    """Work of somebody's that goes on in slices until it is done, failed or cancelled.

    `attempts` counts slices that began since the last one that stored something: a job that ends
    its worker again and again is given up. `partial` is what is made of the piece in work.
    """

    class Status(models.TextChoices):
        QUEUED = "queued", "queued"
        RUNNING = "running", "running"
        CANCELLED = "cancelled", "cancelled"
        DONE = "done", "done"
        FAILED = "failed", "failed"

    ACTIVE = (Status.QUEUED, Status.RUNNING)
    EVENTS_KEPT: ClassVar[timedelta] = timedelta(days=1)
    """How long the events of its stream are kept; who comes later is sent a snapshot."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.QUEUED)
    cancel_requested = models.BooleanField(default=False)
    attempts = models.PositiveSmallIntegerField(default=0, help_text="since the last stored piece")
    error = models.JSONField(null=True, blank=True)
    partial = models.JSONField(default=list, blank=True, help_text="of the piece in work")
    stream = models.OneToOneField(Stream, on_delete=models.PROTECT)
    created = models.DateTimeField(auto_now_add=True)
    updated = models.DateTimeField(auto_now=True)
    finished = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True

    @classmethod
    def with_work(cls, patience: timedelta = timedelta()) -> QuerySet[Self]:
        rows: QuerySet[Any] = cls._default_manager.filter(status__in=cls.ACTIVE)
        return rows.order_by("updated")

    def count_attempt(self) -> int:
        """A slice begins (inside a fenced transaction): how many did since something was stored."""
        self.status, self.attempts = self.Status.RUNNING, self.attempts + 1
        self.save(update_fields=["status", "attempts", "updated"])
        return self.attempts

    @property
    def is_cancelled(self) -> bool:
        """Whether somebody wants its end by now, as the database says."""
        rows = type(self)._default_manager.filter(pk=self.pk, cancel_requested=True)
        return bool(rows.exists())


class GenerationJob(Job):
    """What a model writes for somebody who asked through a door (see core.generation)."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    model = models.ForeignKey(ModelEntry, on_delete=models.PROTECT)
    prompt = models.JSONField(default=dict, help_text="a seam.Prompt")
    settings = models.JSONField(default=dict, help_text="seam.Settings")
    text = models.TextField(blank=True, help_text="that has settled")
    finish_reason = models.CharField(max_length=10, blank=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.model_id} ({self.status})"


class CommandRow(models.Model):
    """A message that somebody sent, and its reply. A repeat is answered, not redone.

    Each app has a concrete table: it adds the foreign key of what its commands are about (nullable,
    named by TARGET), a unique constraint on (user, request_id), and the Celery task that carries
    out a command without a target (called with the primary key).
    """

    TARGET: ClassVar[str]
    TASK: ClassVar[str]

    class State(models.TextChoices):
        PENDING = "pending", "pending"
        DONE = "done", "done"
        FAILED = "failed", "failed"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    request_id = models.CharField(max_length=64)
    type = models.CharField(max_length=40)
    message = models.JSONField(default=dict)
    state = models.CharField(max_length=10, choices=State.choices, default=State.PENDING)
    reply = models.TextField(blank=True, help_text="JSON text as sent")
    correlation_id = models.CharField(max_length=64)
    channel = models.CharField(max_length=10, default="api", help_text="api, page or form")
    attempts = models.PositiveSmallIntegerField(default=0)
    lease_expires = models.DateTimeField(null=True, blank=True)
    created = models.DateTimeField(auto_now_add=True)
    finished = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.type} ({self.state})"

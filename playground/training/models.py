"""Trainings: jobs with a curve and kept moments, whose result is a model of their owner's."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import QuerySet

from core.jobs.models import CommandRow, Job
from core.links import Link
from inference.models import ModelEntry


class Text(models.Model):
    """Somebody's own text to train on: pasted or uploaded, read once, kept as plain text."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    name = models.CharField(max_length=100)
    text = models.TextField()
    characters = models.PositiveIntegerField()
    size = models.PositiveIntegerField(help_text="bytes in UTF-8")
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created"]

    def __str__(self) -> str:
        return self.name


class Training(Job):
    """A model that learns from a text in steps, in stretches that its owner asked for.

    `stretches`: [first step, last step], each with a learning rate that falls towards its end.
    `checkpoint` (below TRAINING_DIR) is where a worker goes on, and holds `step` steps: what the
    curve has beyond them is forgotten then. `corpus`: a name of the library; empty for a text of
    the owner's. `paused` is a wish until the worker has ended, and then a state.
    """

    TASK = "training.train"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=100)
    kind = models.CharField(max_length=20)
    corpus = models.CharField(max_length=20, blank=True)
    text = models.ForeignKey(Text, null=True, blank=True, on_delete=models.SET_NULL)
    sizes = models.JSONField(default=dict)
    prompt = models.CharField(max_length=200, blank=True, help_text="beginning of its samples")
    seed = models.PositiveBigIntegerField(default=0)
    stretches = models.JSONField(default=list)
    paused = models.BooleanField(default=False)
    note = models.CharField(max_length=200, blank=True, help_text="why it paused by itself")
    step = models.PositiveIntegerField(default=0, help_text="of the checkpoint")
    checkpoint = models.CharField(max_length=100, blank=True)
    parameters = models.PositiveIntegerField(default=0)
    speed = models.FloatField(default=0, help_text="tokens a second, lately")
    size = models.PositiveBigIntegerField(default=0, help_text="bytes on disk")
    model = models.ForeignKey(
        ModelEntry, null=True, blank=True, on_delete=models.SET_NULL, related_name="trainings"
    )
    correlation_id = models.CharField(max_length=64, blank=True)

    class Meta:
        ordering = ["-created"]
        indexes = [
            models.Index(fields=["owner", "-created"]),
            models.Index(fields=["status"]),
        ]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def with_work(cls, patience: timedelta = timedelta()) -> QuerySet[Training]:
        """Trainings that go on, those that have waited longest first."""
        rows: QuerySet[Any] = cls._default_manager.filter(status__in=cls.ACTIVE, paused=False)
        return rows.order_by("updated")

    @property
    def steps(self) -> int:
        """The last step that was asked for."""
        last: int = self.stretches[-1][1]
        return last

    @property
    def state(self) -> str:
        """The status, or `paused`, or `stopped` for one that its owner ended."""
        if self.status in self.ACTIVE:
            return "paused" if self.paused else str(self.status)
        return "stopped" if self.status == self.Status.CANCELLED else str(self.status)


class Point(models.Model):
    """A piece of the curve: the steps `first` to `step` and their mean loss.

    `loss` and `held_out` are nats per token; `tokens` and `seconds` count from the beginning.
    """

    training = models.ForeignKey(Training, on_delete=models.CASCADE, related_name="points")
    first = models.PositiveIntegerField()
    step = models.PositiveIntegerField()
    loss = models.FloatField(null=True, help_text="empty where it was not finite")
    held_out = models.FloatField(null=True)
    tokens = models.PositiveBigIntegerField()
    seconds = models.FloatField()

    class Meta:
        ordering = ["step"]
        constraints = [
            models.UniqueConstraint(fields=["training", "step"], name="training_point_step")
        ]

    def __str__(self) -> str:
        return f"{self.first}–{self.step}"


class Moment(models.Model):
    """The model as it was at a step: a directory that can be loaded, and what it wrote then."""

    training = models.ForeignKey(Training, on_delete=models.CASCADE, related_name="moments")
    step = models.PositiveIntegerField()
    folder = models.CharField(max_length=100, help_text="below TRAINING_DIR")
    prompt = models.TextField(blank=True)
    sample = models.TextField(blank=True)

    class Meta:
        ordering = ["step"]
        constraints = [
            models.UniqueConstraint(fields=["training", "step"], name="training_moment_step")
        ]

    def __str__(self) -> str:
        return f"step {self.step}"


class Question(models.Model):
    """A prompt that all moments of a training answered: [{step, frames}]."""

    training = models.ForeignKey(Training, on_delete=models.CASCADE, related_name="questions")
    prompt = models.TextField(blank=True)
    length = models.PositiveIntegerField()
    temperature = models.FloatField()
    seed = models.PositiveBigIntegerField(default=0)
    answers = models.JSONField(default=list)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        """Without its prompt: this stands in the admin."""
        return f"question {self.pk}"


class TrainingCommand(CommandRow):
    """A message about a training, or one that begins one."""

    TARGET = "training"
    TASK = "training.execute"

    training = models.ForeignKey(
        Training, null=True, blank=True, on_delete=models.CASCADE, related_name="commands"
    )

    class Meta(CommandRow.Meta):
        constraints = [
            models.UniqueConstraint(fields=["user", "request_id"], name="training_command_once")
        ]


class TrainingLink(Link):
    """Whoever has the link may watch the training. Only a hash is kept."""

    training = models.ForeignKey(Training, on_delete=models.CASCADE, related_name="links")


class DayUse(models.Model):
    """Seconds that an account trained on a day (UTC); deleting a training gives none back."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    day = models.DateField()
    seconds = models.FloatField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["owner", "day"], name="training_day_use")]

    def __str__(self) -> str:
        return f"{self.day}: {self.seconds:.0f} s"

"""Generations that came through a door, and how long their streams took."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import models
from django.db.models import QuerySet

from core.jobs.models import GenerationJob
from visualizer.models.sessions import Run, Session


class Generation(GenerationJob):
    """A generation that came through a door: it becomes a session with a run as soon as a worker
    has tokenized its prompt, and the run's steps are told on its own stream too.
    """

    TASK = "visualizer.generate"

    session = models.ForeignKey(
        Session, null=True, blank=True, on_delete=models.CASCADE, related_name="generations"
    )
    run = models.OneToOneField(Run, null=True, blank=True, on_delete=models.SET_NULL)
    usage = models.JSONField(default=dict, blank=True)
    saved = models.BooleanField(default=False, help_text="no draft any more: it was given a name")

    class Meta:
        ordering = ["-created"]
        indexes = [models.Index(fields=["owner", "-created"])]

    @classmethod
    def with_work(cls, patience: timedelta = timedelta()) -> QuerySet[Generation]:
        """Those that have no session yet; afterwards the session's own work drives them."""
        return super().with_work(patience).filter(session=None)


class StreamTiming(models.Model):
    """A stream, or an answer in one piece, that has ended: how long it took, and how."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL
    )
    route = models.CharField(max_length=40)
    model = models.CharField(max_length=200, blank=True, help_text="its slug")
    outcome = models.CharField(max_length=10, help_text="complete, error or left")
    seconds = models.FloatField()
    first = models.FloatField(null=True, help_text="seconds to the first frame")
    frames = models.PositiveIntegerField(help_text="0: an answer in one piece")
    correlation_id = models.CharField(max_length=64)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["user", "-id"])]

    def __str__(self) -> str:
        return f"{self.route}: {self.seconds} s"

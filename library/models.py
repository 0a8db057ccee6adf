"""Downloads of models, and generations that a server elsewhere answers."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any, Self

from django.db import models
from django.db.models import Q, QuerySet

from core.jobs.models import GenerationJob, Job


class Download(Job):
    """A repository of the hub on its way into the cache, a file after the other.

    It goes on after the last byte that is on the disk, whoever works it. One is worked at a time;
    the others wait in line. `commit` pins what `revision` meant when it began.
    """

    TASK = "library.download"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    repository = models.CharField(max_length=200)
    revision = models.CharField(max_length=100, default="main", help_text="branch, tag or commit")
    commit = models.CharField(max_length=40, blank=True)
    licence = models.CharField(max_length=100, blank=True, help_text="as the repository says")
    files = models.JSONField(default=list, blank=True, help_text="name, size and hash of each")
    bytes_total = models.PositiveBigIntegerField(default=0)
    bytes_done = models.PositiveBigIntegerField(default=0)
    file = models.CharField(max_length=200, blank=True, help_text="that is being fetched")
    started = models.DateTimeField(null=True, blank=True, help_text="the first byte")

    class Meta:
        ordering = ["-created"]
        indexes = [models.Index(fields=["status", "created"])]
        constraints = [
            models.UniqueConstraint(
                fields=["repository"],
                condition=Q(status__in=Job.ACTIVE),
                name="download_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.repository} ({self.status})"

    @classmethod
    def with_work(cls, patience: timedelta = timedelta()) -> QuerySet[Self]:
        """The oldest one that is not over; the others wait for it."""
        rows: QuerySet[Any] = cls._default_manager.filter(status__in=cls.ACTIVE)
        first = rows.order_by("created", "pk").values("pk")[:1]
        return cls._default_manager.filter(pk__in=first)  # type: ignore[return-value]

    @property
    def percent(self) -> int:
        """How much of it is here, 0 to 100."""
        return 100 * self.bytes_done // self.bytes_total if self.bytes_total else 0


class RemoteGeneration(GenerationJob):
    """An answer that a server elsewhere writes.

    A stream that broke off cannot be taken up again: what came stays, and the generation ends with
    an error that says so. `tokens`: text, logprob and alternatives of each token, as the server
    told them.
    """

    TASK = "library.remote"

    usage = models.JSONField(default=dict, blank=True)
    tokens = models.JSONField(default=list, blank=True)

    class Meta:
        ordering = ["-created"]
        indexes = [
            models.Index(fields=["owner", "-created"]),
            models.Index(fields=["status"]),
        ]

"""What the inference layer keeps: models, vocabularies, event streams, living workers."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.conf import settings
from django.db import models


class PublicModels(models.Manager["ModelEntry"]):
    """The models of the site. Whoever forgets to name a user finds nobody's own."""

    def get_queryset(self) -> models.QuerySet[ModelEntry]:
        return super().get_queryset().filter(owner=None)


class ModelEntry(models.Model):
    """A model that users may load: one row of the allow-list.

    One with an `owner` was trained here and is that account's alone: `objects` leaves it out,
    `every` is for workers, and `visible_to` for whoever asks in somebody's name.
    """

    class Kind(models.TextChoices):
        DIFFUSION = "diffusion", "Diffusion"
        AUTOREGRESSIVE = "autoregressive", "Autoregressive"
        REMOTE = "remote", "Remote"

    class State(models.TextChoices):
        ABSENT = "absent", "not on this machine"
        AVAILABLE = "available", "on disk"
        LOADING = "loading", "loading"
        LOADED = "loaded", "loaded"
        FAILED = "failed", "failed"

    slug = models.CharField(max_length=200, unique=True)
    label = models.CharField(max_length=200)
    path = models.CharField(max_length=500, help_text="directory or hub id of the checkpoint")
    family = models.CharField(max_length=50, blank=True)
    kind = models.CharField(max_length=20, choices=Kind.choices, default=Kind.DIFFUSION)
    state = models.CharField(max_length=20, choices=State.choices, default=State.AVAILABLE)
    progress = models.FloatField(default=0, help_text="of loading, 0 to 1")
    bytes_total = models.PositiveBigIntegerField(default=0, help_text="of the weight files")
    bytes_loaded = models.PositiveBigIntegerField(default=0)
    cancel_requested = models.BooleanField(default=False, help_text="somebody wants loading ended")
    error = models.CharField(max_length=500, blank=True, help_text="last failure or warning")
    device = models.CharField(max_length=20, blank=True)
    context = models.PositiveIntegerField(default=0, help_text="tokens; 0 = not known yet")
    mask_id = models.PositiveIntegerField(null=True, blank=True)
    edit_ids = models.JSONField(
        default=dict, blank=True, help_text="tokens that edit: expand and delete → id"
    )
    parameters = models.PositiveBigIntegerField(default=0)
    weights_hash = models.CharField(max_length=64, blank=True)
    vocabulary = models.ForeignKey("Vocabulary", null=True, blank=True, on_delete=models.SET_NULL)
    card = models.JSONField(default=dict, blank=True, help_text="trained_on, examples, settings")
    is_default = models.BooleanField(default=False)
    is_shipped = models.BooleanField(default=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    updated = models.DateTimeField(auto_now=True)

    objects: ClassVar[Any] = PublicModels()
    every: ClassVar[Any] = models.Manager()

    class Meta:
        verbose_name = "model"
        ordering = ["-is_default", "label"]

    def __str__(self) -> str:
        return self.label

    @classmethod
    def visible_to(cls, user: Any) -> models.QuerySet[ModelEntry]:
        """The models of the site and the user's own; None or a visitor: those of the site."""
        own = getattr(user, "pk", None)
        mine = models.Q(owner=own) if own is not None else models.Q()
        rows: models.QuerySet[ModelEntry] = cls.every.filter(models.Q(owner=None) | mine)
        return rows


class ModelFolder(models.Model):
    """A directory of a configured root that staff added to the list of models, as `slug`."""

    slug = models.CharField(max_length=200, unique=True)
    root = models.CharField(max_length=500, help_text="one of MODEL_ROOTS")
    folder = models.CharField(max_length=500, help_text="within the root")
    added = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "model directory"
        verbose_name_plural = "model directories"
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.slug


class Vocabulary(models.Model):
    """The text of every token of a tokenizer, so that pages need no tokenizer library."""

    hash = models.CharField(max_length=64, unique=True)
    size = models.PositiveIntegerField()
    pieces = models.BinaryField(help_text="zlib-compressed JSON list of strings")

    class Meta:
        verbose_name_plural = "vocabularies"

    def __str__(self) -> str:
        return f"{self.hash[:12]} ({self.size} tokens)"


class Stream(models.Model):
    """A numbered row of events. `last_number` is the number of the newest one."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    last_number = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return str(self.id)


class StreamEvent(models.Model):
    """One event; numbers are gapless within a stream."""

    stream = models.ForeignKey(Stream, on_delete=models.CASCADE, related_name="events")
    number = models.PositiveBigIntegerField()
    type = models.CharField(max_length=40)
    payload = models.JSONField()
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["stream", "number"], name="event_number")]
        ordering = ["number"]
        indexes = [models.Index(fields=["created"], name="event_created")]

    def __str__(self) -> str:
        return f"{self.stream_id}:{self.number} {self.type}"


class WorkerBeat(models.Model):
    """A worker that is alive writes its row every few seconds."""

    name = models.CharField(max_length=200, unique=True)
    device = models.CharField(max_length=50)
    loaded = models.JSONField(default=list)
    metrics = models.JSONField(default=dict)
    seen = models.DateTimeField()

    class Meta:
        verbose_name = "worker"

    def __str__(self) -> str:
        return self.name

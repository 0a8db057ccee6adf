"""What people have beside sessions: presets, links, measurements of the Lab, calibrations."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models

from core.jobs.models import Job
from core.links import Link
from inference.models import ModelEntry
from visualizer.models.sessions import Session


class Preset(models.Model):
    """Settings that a user has named: recipe, parameters, probability settings."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    name = models.CharField(max_length=100)
    values = models.JSONField(default=dict)
    created = models.DateTimeField(auto_now_add=True)
    updated = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["owner", "name"], name="preset_name")]
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class ShareLink(Link):
    """Whoever has the link may look at the session. Only a hash is kept; it is shown once."""

    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="links")
    last_used = models.DateTimeField(null=True, blank=True)


class LabJob(Job):
    """A grid of recipes and step counts on a task: worked in slices, resumable after any crash."""

    TASK = "visualizer.lab"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    model = models.ForeignKey(ModelEntry, on_delete=models.PROTECT)
    task = models.CharField(max_length=40)
    recipes = models.JSONField(default=list, help_text="names")
    parameters = models.JSONField(default=dict, blank=True, help_text="recipe → its parameters")
    steps = models.JSONField(default=list, help_text="decoding steps; 0 = one token a pass")
    block_length = models.PositiveIntegerField(null=True, blank=True, help_text="empty: one block")
    count = models.PositiveIntegerField(help_text="cases of the task in each row")
    seed = models.BigIntegerField(default=0)
    results = models.JSONField(default=list, blank=True, help_text="finished rows")
    cases = models.JSONField(
        default=list, blank=True, help_text="prompt, special_tokens and gen_length of each case"
    )

    class Meta:
        ordering = ["-created"]
        indexes = [models.Index(fields=["owner", "-created"]), models.Index(fields=["status"])]

    def __str__(self) -> str:
        return f"{self.task} on {self.model_id} ({self.status})"

    @property
    def total(self) -> int:
        """Cases in all."""
        return len(self.recipes) * len(self.steps) * self.count

    @property
    def made(self) -> int:
        """Cases that have been decoded."""
        return len(self.results) * self.count + len(self.partial)


class Calibration(Job):
    """A temperature for decisions, fitted on examples whose answers are known: worked in slices,
    resumable after any crash. `partial` holds the scores of the examples that were read.
    """

    TASK = "visualizer.calibrate"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    model = models.ForeignKey(ModelEntry, on_delete=models.PROTECT)
    name = models.CharField(max_length=100, blank=True)
    places = models.JSONField(default=list, help_text="what may stand in each gap")
    examples = models.JSONField(default=list, help_text="texts and their labels")
    results = models.JSONField(default=dict, blank=True, help_text="temperature, before, after")

    class Meta:
        ordering = ["-created"]
        indexes = [models.Index(fields=["owner", "-created"])]

    def __str__(self) -> str:
        return self.name or f"{len(self.examples)} examples"

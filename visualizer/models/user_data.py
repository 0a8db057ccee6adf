"""What people have beside sessions: presets, links, measurements of the Lab, calibrations."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models

from core.jobs.models import Job
from core.links import Link
from inference.catalog import RECIPES
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
    block_lengths = models.JSONField(default=list, help_text="block sizes; 0 = one block")
    count = models.PositiveIntegerField(help_text="cases of the task for each seed")
    seed = models.BigIntegerField(default=0, help_text="the first one")
    seeds = models.PositiveIntegerField(default=1, help_text="how many, from the first on")
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
    def ways(self) -> list[tuple[str, int, int]]:
        """The rows in their order: recipe, block length (0 = one block), steps.

        A recipe that knows no blocks is measured without them, once.
        """
        return [
            (recipe, size, steps)
            for recipe in self.recipes
            for size in ((has_blocks(recipe) and self.block_lengths) or [0])
            for steps in self.steps
        ]

    @property
    def cases_per_row(self) -> int:
        """Cases that a row decodes: those of all seeds."""
        return self.seeds * self.count

    @property
    def total(self) -> int:
        """Cases in all."""
        return len(self.ways) * self.cases_per_row

    @property
    def made(self) -> int:
        """Cases that have been decoded."""
        return len(self.results) * self.cases_per_row + len(self.partial)

    def seed_of(self, number: int) -> int:
        """The seed of a row's case; the seeds stand one behind the other."""
        return self.seed + number // self.count


def has_blocks(recipe: str) -> bool:
    """Whether the recipe has a block length."""
    return recipe in RECIPES and "block_length" in RECIPES[recipe].uses


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

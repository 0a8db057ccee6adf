"""Sessions of diffusion: an append-only tree of steps, and what changes it.

The state at a step is the fold of the operations from the root along the branches; it is never
stored twice as truth.
"""

from __future__ import annotations

import uuid
from datetime import timedelta

from django.conf import settings
from django.db import models
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.urls import reverse

from core.jobs.models import CommandRow, Leased
from inference.models import ModelEntry, Stream


class Session(Leased):
    """One canvas with its history. `head` is the step that is looked at and worked on."""

    TASK = "visualizer.advance"
    EVENTS_KEPT = timedelta(days=7)
    """How long the events of its stream are kept; who comes later is sent a snapshot."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    title = models.CharField(max_length=200)
    model = models.ForeignKey(ModelEntry, on_delete=models.PROTECT)
    prompt = models.TextField(blank=True)
    prompt_ids = models.JSONField(default=list)
    gen_length = models.PositiveIntegerField()
    block_length = models.PositiveIntegerField()
    mask_id = models.PositiveIntegerField()
    seed = models.BigIntegerField(default=0)
    special_tokens = models.BooleanField(
        default=False, help_text="special tokens typed in the prompt were read as such"
    )
    chat = models.BooleanField(
        default=False, help_text="the prompt was a user's turn, put into the chat template"
    )
    settings = models.JSONField(default=dict, blank=True, help_text="last used settings")
    staged = models.JSONField(
        default=dict, blank=True, help_text="selections and strategy, not applied"
    )
    stream = models.OneToOneField(Stream, on_delete=models.PROTECT)
    head_branch = models.ForeignKey(
        "Branch", null=True, on_delete=models.SET_NULL, related_name="+"
    )
    head_number = models.PositiveIntegerField(default=0)
    provenance = models.JSONField(default=dict, blank=True, help_text="hashes and versions")
    created = models.DateTimeField(auto_now_add=True)
    updated = models.DateTimeField(auto_now=True)
    deleted = models.DateTimeField(null=True, blank=True)
    thinned = models.DateTimeField(
        null=True, blank=True, help_text="when distributions were given up, being old"
    )

    class Meta:
        ordering = ["-updated"]
        indexes = [models.Index(fields=["owner", "-updated"])]

    def __str__(self) -> str:
        """Without the title, which begins like the prompt: this stands in logs and in the admin."""
        return f"session {str(self.pk)[:8]}"

    def get_absolute_url(self) -> str:
        return reverse("workspace", args=[self.pk])

    @property
    def opened(self) -> int:
        """Masks at the start: those after the prompt and those within it."""
        prompt: list[int] = self.prompt_ids
        return self.gen_length + prompt.count(self.mask_id)

    @classmethod
    def with_work(cls, patience: timedelta = timedelta()) -> QuerySet[Session]:
        """Sessions with pending commands or an active run."""
        asked = Command.objects.filter(state=Command.State.PENDING, session__isnull=False)
        if patience:
            asked = asked.filter(created__lt=Now() - patience)
        running = Run.objects.filter(status__in=Run.ACTIVE)
        work = Q(pk__in=asked.values("session")) | Q(pk__in=running.values("session"))
        return cls.objects.filter(work).order_by("updated")


class Branch(models.Model):
    """A line of steps. It continues its parent after the parent's step `fork_number`."""

    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="branches")
    parent = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.CASCADE, related_name="children"
    )
    fork_number = models.PositiveIntegerField(default=0)
    name = models.CharField(max_length=100)
    marked = models.BooleanField(default=False)
    pruned = models.DateTimeField(null=True, blank=True, help_text="put away; can be undone")
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "branches"
        ordering = ["id"]

    def __str__(self) -> str:
        return self.name


class Step(models.Model):
    """What one step did. Never changed once written; (branch, number) is unique."""

    branch = models.ForeignKey(Branch, on_delete=models.CASCADE, related_name="steps")
    number = models.PositiveIntegerField()
    operations = models.JSONField()
    recipe = models.CharField(max_length=60, default="manual")
    settings = models.JSONField(default=dict, blank=True)
    timings = models.JSONField(default=dict, blank=True, help_text="milliseconds by phase")
    run = models.ForeignKey("Run", null=True, blank=True, on_delete=models.SET_NULL)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["branch", "number"], name="step_number")]
        ordering = ["number"]

    def __str__(self) -> str:
        return f"step {self.number}"


class Digest(models.Model):
    """Compact logits of the forward pass over the state after a step (0 = the start)."""

    branch = models.ForeignKey(Branch, on_delete=models.CASCADE, related_name="digests")
    number = models.PositiveIntegerField()
    data = models.BinaryField()
    settings = models.JSONField(default=dict, blank=True)
    summary = models.JSONField(default=dict, blank=True, help_text="entropy, heat, milliseconds")
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["branch", "number"], name="digest_number")]

    def __str__(self) -> str:
        return f"digest after step {self.number}"


class Note(models.Model):
    """What somebody wrote beside a state: after step `number`, 0 = the start."""

    LONGEST = 1000

    branch = models.ForeignKey(Branch, on_delete=models.CASCADE, related_name="notes")
    number = models.PositiveIntegerField()
    text = models.CharField(max_length=LONGEST)
    updated = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["branch", "number"], name="note_number")]
        ordering = ["branch", "number"]

    def __str__(self) -> str:
        return f"note on step {self.number}"


class Run(models.Model):
    """An automatic generation: worked in slices, resumable after any crash."""

    class Status(models.TextChoices):
        QUEUED = "queued", "queued"
        RUNNING = "running", "running"
        STOPPED = "stopped", "stopped"
        DONE = "done", "done"
        FAILED = "failed", "failed"

    ACTIVE = (Status.QUEUED, Status.RUNNING)

    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="runs")
    branch = models.ForeignKey(Branch, on_delete=models.CASCADE, related_name="runs")
    recipe = models.CharField(max_length=60)
    parameters = models.JSONField(default=dict, blank=True)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.QUEUED)
    stop_requested = models.BooleanField(default=False)
    first_step = models.PositiveIntegerField(default=1, help_text="number of its first step")
    max_steps = models.PositiveIntegerField(null=True, blank=True)
    error = models.JSONField(null=True, blank=True)
    carry = models.JSONField(default=dict, blank=True, help_text="the recipe's memory")
    seed = models.BigIntegerField(null=True, blank=True, help_text="empty: the session's")
    keep_settled = models.BooleanField(default=False, help_text="its passes judge written tokens")
    attempts = models.PositiveSmallIntegerField(default=0, help_text="since the last step")
    created = models.DateTimeField(auto_now_add=True)
    finished = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["status"])]

    def __str__(self) -> str:
        return f"{self.recipe} ({self.status})"

    @property
    def own_seed(self) -> int:
        """Of its random numbers: its own, else the session's."""
        return self.session.seed if self.seed is None else self.seed


class Command(CommandRow):
    """A message about a session, or one that makes one."""

    TARGET = "session"
    TASK = "visualizer.execute"

    session = models.ForeignKey(
        Session, null=True, blank=True, on_delete=models.CASCADE, related_name="commands"
    )

    class Meta(CommandRow.Meta):
        constraints = [models.UniqueConstraint(fields=["user", "request_id"], name="command_once")]
        indexes = [models.Index(fields=["session", "state"])]

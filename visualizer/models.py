"""Sessions of diffusion: an append-only tree of steps.

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

from core.jobs.models import CommandRow, Job, Leased
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
        return self.gen_length + self.prompt_ids.count(self.mask_id)

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


class Generation(Job):
    """A generation that came through a door: it becomes a session with a run as soon as a worker
    has tokenized its prompt, and the run's steps are told on its own stream too.
    """

    TASK = "visualizer.generate"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    model = models.ForeignKey(ModelEntry, on_delete=models.PROTECT)
    prompt = models.JSONField(default=dict, help_text="text, messages or pieces")
    settings = models.JSONField(default=dict)
    session = models.ForeignKey(
        Session, null=True, blank=True, on_delete=models.CASCADE, related_name="generations"
    )
    run = models.OneToOneField(Run, null=True, blank=True, on_delete=models.SET_NULL)
    text = models.TextField(blank=True, help_text="that has settled")
    finish_reason = models.CharField(max_length=10, blank=True)
    usage = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["-created"]
        indexes = [models.Index(fields=["owner", "-created"])]

    def __str__(self) -> str:
        return f"{self.model_id} ({self.status})"

    @classmethod
    def with_work(cls, patience: timedelta = timedelta()) -> QuerySet[Generation]:
        """Those that have no session yet; afterwards the session's own work drives them."""
        return super().with_work(patience).filter(session=None)


class StreamTiming(models.Model):
    """A stream that has ended: how long it took, and how."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL
    )
    route = models.CharField(max_length=40)
    outcome = models.CharField(max_length=10, help_text="complete, error or left")
    seconds = models.FloatField()
    first = models.FloatField(null=True, help_text="seconds to the first frame")
    frames = models.PositiveIntegerField()
    correlation_id = models.CharField(max_length=64)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["user", "-id"])]

    def __str__(self) -> str:
        return f"{self.route}: {self.seconds} s"


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


class ShareLink(models.Model):
    """Whoever has the link may look at the session. Only a hash is kept; it is shown once."""

    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="links")
    name = models.CharField(max_length=100, blank=True, help_text="for whom or what it is")
    hash = models.CharField(max_length=64, unique=True)
    created = models.DateTimeField(auto_now_add=True)
    expires = models.DateTimeField(null=True, blank=True, help_text="empty: not by itself")
    revoked = models.DateTimeField(null=True, blank=True)
    last_used = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.name or f"link {self.pk}"


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

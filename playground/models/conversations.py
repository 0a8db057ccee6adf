"""Conversations: a tree of messages whose answers are generations.

Every edit and every new answer is a sibling, never a change: what stood there before stays a
branch. The shown line leads from the conversation's head up to the root.
"""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from core.jobs.models import CommandRow, Leased
from core.links import Link
from inference.models import ModelEntry, Stream


def file_name() -> str:
    """`chat_YYYY-MM-DD-HH-MM-SS-mmm.txt` of this moment (UTC): the name of an exported file."""
    now = timezone.now()
    return f"chat_{now:%Y-%m-%d-%H-%M-%S}-{now.microsecond // 1000:03d}.txt"


class Conversation(models.Model):
    """Turns of a person's and a model's. `head` is the last message of the line that is shown."""

    EVENTS_KEPT = timedelta(days=1)
    """How long the events of its stream are kept; who comes later is sent the whole."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    file_name = models.CharField(max_length=40, default=file_name, editable=False)
    title = models.CharField(max_length=200, blank=True)
    folder = models.CharField(max_length=100, blank=True)
    system_prompt = models.TextField(blank=True)
    model = models.ForeignKey(ModelEntry, on_delete=models.PROTECT)
    settings = models.JSONField(default=dict, blank=True, help_text="of its answers")
    head = models.ForeignKey("Message", null=True, on_delete=models.SET_NULL, related_name="+")
    stream = models.OneToOneField(Stream, on_delete=models.PROTECT)
    imported_from = models.CharField(max_length=64, blank=True, help_text="hash of the record")
    created = models.DateTimeField(auto_now_add=True)
    updated = models.DateTimeField(auto_now=True)
    archived = models.DateTimeField(null=True, blank=True)
    deleted = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-updated"]
        indexes = [models.Index(fields=["owner", "-updated"])]
        constraints = [
            models.UniqueConstraint(fields=["owner", "file_name"], name="conversation_file_name")
        ]

    def __str__(self) -> str:
        """Without its title, which is of what somebody wrote: this stands in the admin's log."""
        return f"conversation {str(self.pk)[:8]}"

    @property
    def heading(self) -> str:
        """What its owner sees it by."""
        return self.title or self.file_name


class Message(Leased):
    """One turn. An answer has a generation; `prefix` is what stood before it was continued.

    A worker turns a queued answer into a generation: it tokenizes the line above it, leaves the
    oldest turns out where the context is too small (`left_out` of them), and starts.
    """

    TASK = "playground.answer"

    class Role(models.TextChoices):
        USER = "user", "user"
        ASSISTANT = "assistant", "assistant"

    class Status(models.TextChoices):
        QUEUED = "queued", "queued"
        WRITING = "writing", "writing"
        DONE = "done", "done"
        STOPPED = "stopped", "stopped"
        FAILED = "failed", "failed"

    ACTIVE = (Status.QUEUED, Status.WRITING)

    conversation = models.ForeignKey(
        Conversation, on_delete=models.CASCADE, related_name="messages"
    )
    parent = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.CASCADE, related_name="children"
    )
    role = models.CharField(max_length=10, choices=Role.choices)
    text = models.TextField(blank=True)
    prefix = models.TextField(blank=True, help_text="of an answer that was continued")
    html = models.TextField(blank=True, help_text="of a finished message, sanitised")
    token_ids = models.JSONField(
        default=list, blank=True, help_text="of an answer's text; empty: not known"
    )
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.DONE)
    stop_requested = models.BooleanField(default=False)
    attempts = models.PositiveSmallIntegerField(default=0)
    model = models.ForeignKey(ModelEntry, null=True, blank=True, on_delete=models.SET_NULL)
    settings = models.JSONField(default=dict, blank=True, help_text="of this answer alone")
    generation = models.UUIDField(null=True, blank=True, db_index=True)
    left_out = models.PositiveIntegerField(default=0, help_text="oldest turns not read")
    flattened = models.BooleanField(default=False, help_text="the model knows no conversations")
    finish_reason = models.CharField(max_length=10, blank=True)
    usage = models.JSONField(default=dict, blank=True)
    seconds = models.FloatField(default=0)
    error = models.JSONField(null=True, blank=True)
    url = models.CharField(max_length=200, blank=True, help_text="page of its generation")
    correlation_id = models.CharField(max_length=64, blank=True)
    created = models.DateTimeField(auto_now_add=True)
    updated = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["status"])]

    def __str__(self) -> str:
        return f"{self.role} ({self.status})"

    @classmethod
    def with_work(cls, patience: timedelta = timedelta()) -> QuerySet[Message]:
        """Answers without a generation; afterwards the generation's own work drives them."""
        rows: QuerySet[Any] = cls._default_manager.filter(status=cls.Status.QUEUED)
        if patience:
            rows = rows.filter(updated__lt=Now() - patience)
        return rows.order_by("updated")


class ChatCommand(CommandRow):
    """A message about a conversation, or one that begins one."""

    TARGET = "conversation"
    TASK = "playground.execute"

    conversation = models.ForeignKey(
        Conversation, null=True, blank=True, on_delete=models.CASCADE, related_name="commands"
    )

    class Meta(CommandRow.Meta):
        constraints = [
            models.UniqueConstraint(fields=["user", "request_id"], name="chat_command_once")
        ]


class ConversationLink(Link):
    """Whoever has the link may read the conversation, live, or write in it too.

    Only a hash is kept.
    """

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="links")
    may_write = models.BooleanField(default=False, help_text="its holders write too, as the owner")

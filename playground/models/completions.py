"""Completions: what an autoregressive model writes, token by token."""

from __future__ import annotations

from django.db import models

from core.jobs.models import GenerationJob


class Completion(GenerationJob):
    """What an autoregressive model writes after a prompt, token by token.

    It goes on after its last stored token, whoever works it. `most`: tokens that it may have.
    """

    TASK = "playground.complete"

    prompt_ids = models.JSONField(default=list)
    written = models.PositiveIntegerField(default=0, help_text="stored tokens")
    most = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["-created"]
        indexes = [
            models.Index(fields=["owner", "-created"]),
            models.Index(fields=["status"]),
        ]


class CompletionToken(models.Model):
    """A written token. `top`: [token, label, logprob] of the best ones in its place."""

    completion = models.ForeignKey(Completion, on_delete=models.CASCADE, related_name="tokens")
    number = models.PositiveIntegerField()
    token = models.PositiveIntegerField()
    label = models.CharField(max_length=200)
    text = models.TextField(blank=True, help_text="by what the answer grew with it")
    logprob = models.FloatField(help_text="in nats, at temperature 1")
    top = models.JSONField(default=list)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["completion", "number"], name="completion_token_number")
        ]
        ordering = ["number"]

    def __str__(self) -> str:
        return f"token {self.number}"

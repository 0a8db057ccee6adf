"""Token trees: what was tried after a text, with shared beginnings as one."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models

from inference.models import ModelEntry


class TokenTree(models.Model):
    """What was tried after a text, token by token: a tree whose shared beginnings are one.

    Only token ids come from outside; what the model says of them a worker adds. `head`: the token
    that is looked at, 0 for the text.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    model = models.ForeignKey(ModelEntry, on_delete=models.PROTECT)
    text = models.TextField()
    prompt_ids = models.JSONField(default=list)
    seed = models.BigIntegerField(default=0)
    settings = models.JSONField(default=dict, blank=True, help_text="how tokens were chosen")
    head = models.PositiveIntegerField(default=0)
    provenance = models.JSONField(default=dict, blank=True, help_text="hashes and versions")
    imported_from = models.CharField(max_length=64, blank=True, help_text="chain of the record")
    created = models.DateTimeField(auto_now_add=True)
    updated = models.DateTimeField(auto_now=True)
    deleted = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-updated"]
        indexes = [models.Index(fields=["owner", "-updated"])]

    def __str__(self) -> str:
        """Without its text: this stands in logs and in the admin."""
        return f"tree {str(self.pk)[:8]}"


class TreeToken(models.Model):
    """A token behind `parent` (0: behind the text). Never changed once written.

    `logprob` and `entropy` (nats, temperature 1) and `top` are of the distribution that it was
    taken from.
    """

    tree = models.ForeignKey(TokenTree, on_delete=models.CASCADE, related_name="tokens")
    number = models.PositiveIntegerField()
    parent = models.PositiveIntegerField(default=0)
    token = models.PositiveIntegerField()
    label = models.CharField(max_length=200)
    logprob = models.FloatField()
    entropy = models.FloatField()
    rank = models.PositiveIntegerField(help_text="1: the most probable one")
    top = models.JSONField(default=list, help_text="[token, label, logprob]")

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["tree", "number"], name="tree_token_number"),
            models.UniqueConstraint(fields=["tree", "parent", "token"], name="tree_token_once"),
        ]

    def __str__(self) -> str:
        return f"token {self.number}"

"""Two generations on one prompt: an autoregressive and a diffusion model's."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models

from inference.models import ModelEntry


class SideBySide(models.Model):
    """An autoregressive and a diffusion model on one prompt: two generations, later a third.

    `repair`: the draft of the first with its tokens less probable than `least` filled anew by the
    second.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    prompt = models.TextField()
    settings = models.JSONField(default=dict)
    causal_model = models.ForeignKey(ModelEntry, on_delete=models.PROTECT, related_name="+")
    masked_model = models.ForeignKey(ModelEntry, on_delete=models.PROTECT, related_name="+")
    causal = models.UUIDField()
    masked = models.UUIDField()
    repair = models.UUIDField(null=True, blank=True)
    least = models.FloatField(null=True, blank=True)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created"]
        indexes = [models.Index(fields=["owner", "-created"])]

    def __str__(self) -> str:
        return f"{self.causal_model_id} beside {self.masked_model_id}"

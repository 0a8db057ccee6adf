"""Trainings, their texts and links in Django's admin.

A training has files and a model of its owner's, which its own page forgets with it; so none is
deleted here but with its account.
"""

from __future__ import annotations

from django.contrib import admin

from core.links_admin import LinkAdmin
from inference.read_only_admin import Concealed, Part, pretty
from playground.training.models import Text, Training, TrainingCommand, TrainingLink


@admin.register(Training)
class TrainingAdmin(Concealed, Part):
    list_display = ("id", "name", "owner", "kind", "corpus", "status", "paused", "step", "created")
    list_filter = ("status", "kind", "corpus", "created")
    search_fields = ("id", "name", "owner__username", "model__slug", "correlation_id")
    list_select_related = ("owner",)
    fields = (
        "id", "name", "owner", "kind", "corpus", "text", "sizes_text", "seed", "stretches_text",
        "status", "paused", "note", "cancel_requested", "attempts", "step", "parameters",
        "speed", "size", "model", "error_text", "correlation_id", "lease_fence",
        "lease_expires", "created", "updated", "finished",
    )  # fmt: skip
    written, text_of, named = ("prompt",), "prompt", "the beginning of a training's samples"
    sizes_text = pretty("sizes", "sizes")
    stretches_text = pretty("stretches", "stretches")
    error_text = pretty("error", "error")
    readonly_fields = fields


@admin.register(Text)
class TextAdmin(Concealed, Part):
    list_display = ("id", "name", "owner", "characters", "size", "created")
    list_filter = ("created",)
    search_fields = ("name", "owner__username")
    list_select_related = ("owner",)
    fields = ("name", "owner", "characters", "size", "created")
    written, text_of, named = ("text",), "text", "a text to train on"
    readonly_fields = fields


@admin.register(TrainingLink)
class TrainingLinkAdmin(LinkAdmin):
    list_display = ("id", "name", "training", "created", "expires", "revoked")
    list_filter = (("revoked", admin.EmptyFieldListFilter), "created", "expires")
    search_fields = ("name", "training__id", "training__owner__username")
    list_select_related = ("training",)
    fields = ("training", "name", "created", "expires", "revoked")


@admin.register(TrainingCommand)
class TrainingCommandAdmin(Part):
    """Messages hold what people write, so they are not shown; types, states and times are."""

    list_display = ("id", "type", "state", "user", "training", "channel", "created", "finished")
    list_filter = ("type", "state", "channel", "created")
    search_fields = ("request_id", "correlation_id", "user__username", "training__id")
    list_select_related = ("user", "training")
    fields = (
        "type", "state", "user", "training", "channel", "request_id", "correlation_id",
        "attempts", "created", "finished",
    )  # fmt: skip
    readonly_fields = fields

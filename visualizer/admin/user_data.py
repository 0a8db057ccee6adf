"""Links, presets and measurements of the Lab in Django's admin."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from core.links_admin import LinkAdmin
from inference.read_only_admin import ReadOnly, pretty
from visualizer.models import LabJob, Preset, ShareLink


@admin.register(ShareLink)
class ShareLinkAdmin(LinkAdmin):
    list_display = ("id", "name", "session_id", "created", "expires", "revoked", "last_used")
    list_filter = (("revoked", admin.EmptyFieldListFilter), "created", "expires")
    search_fields = ("name", "session__id", "session__owner__username")
    fields = ("session", "name", "created", "expires", "revoked", "last_used")


@admin.register(Preset)
class PresetAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("name", "owner", "created", "updated")
    list_filter = ("created",)
    search_fields = ("name", "owner__username")
    fields = ("name", "owner", "values_text", "created", "updated")
    values_text = pretty("values", "values")
    readonly_fields = ("owner", "values_text", "created", "updated")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(LabJob)
class LabJobAdmin(ReadOnly):
    list_display = ("id", "owner", "model", "task", "status", "made", "total", "created")
    list_filter = ("status", "task", "created")
    search_fields = ("id", "owner__username", "model__slug", "task")
    list_select_related = ("owner", "model")
    fields = (
        "id", "owner", "model", "task", "recipes_text", "steps_text", "block_lengths", "count",
        "seed", "seeds", "status", "cancel_requested", "attempts", "results_text", "error_text",
        "lease_fence", "lease_expires", "created", "updated", "finished",
    )  # fmt: skip
    recipes_text = pretty("recipes", "recipes")
    steps_text = pretty("steps", "steps")
    results_text = pretty("results", "results")
    error_text = pretty("error", "error")
    readonly_fields = fields

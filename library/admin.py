"""Downloads of models, and generations of servers elsewhere, in Django's admin."""

from __future__ import annotations

from django.contrib import admin

from inference.read_only_admin import Concealed, Part, pretty
from library.models import Download, RemoteGeneration


@admin.register(Download)
class DownloadAdmin(Part):
    """What is fetched and how far; the page of models begins and cancels downloads."""

    list_display = (
        "repository", "revision", "owner", "status", "bytes_done", "bytes_total", "created",
    )  # fmt: skip
    list_filter = ("status", "created")
    search_fields = ("repository", "owner__username", "commit")
    list_select_related = ("owner",)
    fields = (
        "id", "repository", "revision", "commit", "licence", "owner", "status",
        "cancel_requested", "attempts", "files_text", "file", "bytes_done", "bytes_total",
        "error_text", "lease_fence", "lease_expires", "created", "started", "updated", "finished",
    )  # fmt: skip
    files_text = pretty("files", "files")
    error_text = pretty("error", "error")
    readonly_fields = fields


@admin.register(RemoteGeneration)
class RemoteGenerationAdmin(Concealed, Part):
    list_display = ("id", "owner", "model", "status", "finish_reason", "created")
    list_filter = ("status", "finish_reason", "model", "created")
    search_fields = ("id", "owner__username", "model__slug")
    list_select_related = ("owner", "model")
    fields = (
        "id", "owner", "model", "status", "cancel_requested", "attempts", "settings_text",
        "usage_text", "finish_reason", "error_text", "lease_fence", "lease_expires", "created",
        "updated", "finished",
    )  # fmt: skip
    written, text_of = ("prompt_text", "text", "tokens_text"), "text"
    named = "prompt and text of a generation"
    prompt_text = pretty("prompt", "prompt")
    tokens_text = pretty("tokens", "tokens")
    settings_text = pretty("settings", "settings")
    usage_text = pretty("usage", "usage")
    error_text = pretty("error", "error")
    readonly_fields = fields

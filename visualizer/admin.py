"""Sessions and what belongs to them in Django's admin: to be looked at, not to be changed."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html

from visualizer.models import (
    Branch,
    Command,
    Digest,
    LabJob,
    Preset,
    Run,
    Session,
    ShareLink,
    Step,
)
from visualizer.services.sharing import unshare


def pretty(field: str, label: str) -> Any:
    """A column that shows a JSON field on its detail page, as text."""

    def show(_: Any, row: Model) -> str:
        text = json.dumps(getattr(row, field), indent=1, ensure_ascii=False)
        return format_html("<pre>{}</pre>", text)

    show.__name__ = f"{field}_text"
    return admin.display(description=label)(show)


class ReadOnly(admin.ModelAdmin):  # type: ignore[type-arg]
    """The record is append-only: nothing here can be added or changed."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class BranchInline(admin.TabularInline):  # type: ignore[type-arg]
    model = Branch
    fields = readonly_fields = ("name", "parent", "fork_number", "marked", "pruned", "created")
    extra = 0
    can_delete = False
    show_change_link = True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Session)
class SessionAdmin(ReadOnly):
    """Prompts are shown on a session's own page only; titles, which begin like them, as well."""

    list_display = ("id", "owner", "model", "gen_length", "head_number", "updated", "deleted")
    list_filter = ("model", "created", ("deleted", admin.EmptyFieldListFilter))
    search_fields = ("id", "owner__username", "model__slug")
    date_hierarchy = "created"
    list_select_related = ("owner", "model")
    inlines = (BranchInline,)
    fields = (
        "id", "owner", "title", "model", "prompt", "gen_length", "block_length", "mask_id", "seed",
        "prompt_ids_text", "settings_text", "staged_text", "provenance_text", "head_branch",
        "head_number", "lease_fence", "lease_expires", "created", "updated", "deleted",
    )  # fmt: skip
    prompt_ids_text = pretty("prompt_ids", "prompt ids")
    settings_text = pretty("settings", "settings")
    staged_text = pretty("staged", "staged")
    provenance_text = pretty("provenance", "provenance")
    readonly_fields = fields


@admin.register(Branch)
class BranchAdmin(ReadOnly):
    list_display = ("id", "name", "session_id", "parent", "fork_number", "marked", "created")
    list_filter = ("marked", ("pruned", admin.EmptyFieldListFilter), "created")
    search_fields = ("name", "session__id", "session__owner__username")


@admin.register(Step)
class StepAdmin(ReadOnly):
    list_display = ("id", "branch_id", "number", "recipe", "run_id", "created")
    list_filter = ("recipe", "created")
    search_fields = ("branch__session__id", "recipe")
    fields = (
        "branch", "number", "recipe", "run", "operations_text", "settings_text", "timings_text",
        "created",
    )  # fmt: skip
    operations_text = pretty("operations", "operations")
    settings_text = pretty("settings", "settings")
    timings_text = pretty("timings", "timings (ms)")
    readonly_fields = fields


@admin.register(Digest)
class DigestAdmin(ReadOnly):
    list_display = ("id", "branch_id", "number", "created")
    list_filter = ("created",)
    search_fields = ("branch__session__id",)
    fields = ("branch", "number", "bytes", "summary_text", "settings_text", "created")
    summary_text = pretty("summary", "summary")
    settings_text = pretty("settings", "settings")
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Digest]:
        return super().get_queryset(request).defer("data")

    @admin.display(description="size in bytes")
    def bytes(self, row: Digest) -> int:
        return len(row.data)


@admin.register(Run)
class RunAdmin(ReadOnly):
    list_display = ("id", "session_id", "recipe", "status", "created", "finished")
    list_filter = ("status", "recipe", "created")
    search_fields = ("session__id", "session__owner__username", "recipe")
    fields = (
        "session", "branch", "recipe", "status", "first_step", "max_steps", "keep_settled",
        "stop_requested", "attempts", "parameters_text", "error_text", "created", "finished",
    )  # fmt: skip
    parameters_text = pretty("parameters", "parameters")
    error_text = pretty("error", "error")
    readonly_fields = fields


@admin.register(Command)
class CommandAdmin(ReadOnly):
    """Messages may hold prompts, so they are not shown; types, states and times are."""

    list_display = ("id", "type", "state", "user", "session_id", "channel", "created", "finished")
    list_filter = ("type", "state", "channel", "created")
    search_fields = ("request_id", "correlation_id", "user__username", "session__id")
    fields = (
        "type", "state", "user", "session", "channel", "request_id", "correlation_id", "attempts",
        "created", "finished",
    )  # fmt: skip
    readonly_fields = fields


@admin.register(ShareLink)
class ShareLinkAdmin(ReadOnly):
    """Links can be revoked; their tokens are not known here either, and the hash is not shown."""

    list_display = ("id", "name", "session_id", "created", "expires", "revoked", "last_used")
    list_filter = (("revoked", admin.EmptyFieldListFilter), "created", "expires")
    search_fields = ("name", "session__id", "session__owner__username")
    fields = ("session", "name", "created", "expires", "revoked", "last_used")
    actions = ("revoke",)

    @admin.action(description="Revoke the selected links", permissions=["delete"])
    def revoke(self, request: HttpRequest, rows: QuerySet[ShareLink]) -> None:
        for link in rows:
            unshare(link=link)
        self.message_user(request, f"{len(rows)} revoked.")


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
        "id", "owner", "model", "task", "recipes_text", "steps_text", "block_length", "count",
        "seed", "status", "cancel_requested", "attempts", "results_text", "error_text",
        "lease_fence", "lease_expires", "created", "updated", "finished",
    )  # fmt: skip
    recipes_text = pretty("recipes", "recipes")
    steps_text = pretty("steps", "steps")
    results_text = pretty("results", "results")
    error_text = pretty("error", "error")
    readonly_fields = fields

"""Sessions and their parts in Django's admin."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from inference.read_only_admin import Concealed, Exportable, Part, pretty
from visualizer.models import Branch, Command, Digest, Note, Run, Session, Step
from visualizer.records.exporter import record
from visualizer.services.sessions import restore_session


class BranchInline(admin.TabularInline):  # type: ignore[type-arg]
    model = Branch
    fields = readonly_fields = ("name", "parent", "fork_number", "marked", "pruned", "created")
    extra = 0
    can_delete = False
    show_change_link = True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Session)
class SessionAdmin(Concealed, Exportable):
    list_display = ("id", "owner", "model", "gen_length", "head_number", "updated", "deleted")
    list_filter = ("model", "created", ("deleted", admin.EmptyFieldListFilter))
    search_fields = ("id", "owner__username", "model__slug")
    date_hierarchy = "created"
    list_select_related = ("owner", "model")
    inlines = (BranchInline,)
    fields = (
        "id", "owner", "model", "gen_length", "block_length", "mask_id", "seed",
        "settings_text", "provenance_text", "head_branch", "head_number", "lease_fence",
        "lease_expires", "created", "updated", "deleted",
    )  # fmt: skip
    written = ("title", "prompt", "prompt_ids_text", "staged_text")
    text_of, named = "prompt", "title and prompt"
    actions = ("bring_back", "export_records")
    prompt_ids_text = pretty("prompt_ids", "prompt ids")
    settings_text = pretty("settings", "settings")
    staged_text = pretty("staged", "staged")
    provenance_text = pretty("provenance", "provenance")
    readonly_fields = fields

    def record_of(self, row: Session) -> Iterable[str]:
        return record(row)

    @admin.action(description="Bring the selected deleted sessions back", permissions=["delete"])
    def bring_back(self, request: HttpRequest, rows: QuerySet[Session]) -> None:
        gone = list(rows.filter(deleted__isnull=False))
        for row in gone:
            restore_session(session=row)
        self.message_user(request, f"{len(gone)} brought back.")


@admin.register(Branch)
class BranchAdmin(Part):
    list_display = ("id", "name", "session_id", "parent", "fork_number", "marked", "created")
    list_filter = ("marked", ("pruned", admin.EmptyFieldListFilter), "created")
    search_fields = ("name", "session__id", "session__owner__username")


class OfBranch(Part):
    """A part of a branch, listed with its session and owner."""

    list_select_related = ("branch__session__owner",)

    @admin.display(ordering="branch__session")
    def session(self, row: Step | Note) -> str:
        address = reverse("admin:visualizer_session_change", args=[row.branch.session_id])
        return format_html('<a href="{}">{}</a>', address, row.branch.session)

    @admin.display(ordering="branch__session__owner")
    def owner(self, row: Step | Note) -> str:
        return str(row.branch.session.owner)


@admin.register(Step)
class StepAdmin(OfBranch):
    list_display = ("id", "session", "owner", "branch", "number", "recipe", "changes", "created")
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

    @admin.display
    def changes(self, row: Step) -> str:
        """How many operations of each kind; the tokens are what somebody's model wrote."""
        kinds = Counter(operation["op"] for operation in row.operations)
        return ", ".join(f"{count} {kind}" for kind, count in kinds.items())


@admin.register(Note)
class NoteAdmin(Concealed, OfBranch):
    list_display = ("id", "session", "owner", "branch", "number", "updated")
    list_filter = ("updated",)
    search_fields = ("branch__session__id", "branch__session__owner__username")
    fields = ("branch", "number", "updated")
    written, text_of, named = ("text",), "text", "a note"
    readonly_fields = fields


@admin.register(Digest)
class DigestAdmin(Part):
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
class RunAdmin(Part):
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
class CommandAdmin(Part):
    """Messages may hold prompts, so they are not shown; types, states and times are."""

    list_display = ("id", "type", "state", "user", "session_id", "channel", "created", "finished")
    list_filter = ("type", "state", "channel", "created")
    search_fields = ("request_id", "correlation_id", "user__username", "session__id")
    fields = (
        "type", "state", "user", "session", "channel", "request_id", "correlation_id", "attempts",
        "created", "finished",
    )  # fmt: skip
    readonly_fields = fields

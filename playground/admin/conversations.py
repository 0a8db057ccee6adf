"""Conversations, their messages and their links in Django's admin."""

from __future__ import annotations

from collections.abc import Iterable

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from core.links_admin import LinkAdmin
from inference.read_only_admin import Concealed, Exportable, Part, pretty
from playground.models import ChatCommand, Conversation, ConversationLink, Message
from playground.records.exporter import as_json
from playground.services.conversations import restore


@admin.register(Conversation)
class ConversationAdmin(Concealed, Exportable):
    list_display = ("id", "owner", "model", "created", "updated", "archived", "deleted")
    list_filter = ("model", "created", ("deleted", admin.EmptyFieldListFilter))
    search_fields = ("id", "owner__username", "model__slug")
    date_hierarchy = "created"
    list_select_related = ("owner", "model")
    fields = (
        "id", "owner", "model", "file_name", "settings_text", "imported_from", "created",
        "updated", "archived", "deleted",
    )  # fmt: skip
    written = ("title", "folder", "system_prompt")
    text_of, named = "title", "title and system prompt"
    settings_text = pretty("settings", "settings")
    readonly_fields = fields
    actions = ("bring_back", "export_records")

    def record_of(self, row: Conversation) -> Iterable[str]:
        return [as_json(row)]

    @admin.action(description="Bring the selected deleted ones back", permissions=["delete"])
    def bring_back(self, request: HttpRequest, rows: QuerySet[Conversation]) -> None:
        gone = list(rows.filter(deleted__isnull=False))
        for row in gone:
            restore(conversation=row)
        self.message_user(request, f"{len(gone)} brought back.")


@admin.register(Message)
class MessageAdmin(Concealed, Part):
    list_display = ("id", "conversation", "role", "status", "model", "finish_reason", "created")
    list_filter = ("role", "status", "finish_reason", "model", "created")
    search_fields = ("conversation__id", "conversation__owner__username", "correlation_id")
    list_select_related = ("conversation", "model")
    fields = (
        "conversation", "parent", "role", "status", "stop_requested", "attempts", "model",
        "settings_text", "generation", "left_out", "flattened", "finish_reason", "usage_text",
        "seconds", "error_text", "url", "correlation_id", "lease_fence", "lease_expires",
        "created", "updated",
    )  # fmt: skip
    written, text_of, named = ("text", "prefix"), "text", "a message"
    settings_text = pretty("settings", "settings")
    usage_text = pretty("usage", "usage")
    error_text = pretty("error", "error")
    readonly_fields = fields


@admin.register(ConversationLink)
class ConversationLinkAdmin(LinkAdmin):
    list_display = ("id", "name", "conversation", "may_write", "created", "expires", "revoked")
    list_filter = (("revoked", admin.EmptyFieldListFilter), "may_write", "created", "expires")
    search_fields = ("name", "conversation__id", "conversation__owner__username")
    list_select_related = ("conversation",)
    fields = ("conversation", "name", "may_write", "created", "expires", "revoked")


@admin.register(ChatCommand)
class ChatCommandAdmin(Part):
    """Messages hold what people write, so they are not shown; types, states and times are."""

    list_display = ("id", "type", "state", "user", "conversation", "channel", "created")
    list_filter = ("type", "state", "channel", "created")
    search_fields = ("request_id", "correlation_id", "user__username", "conversation__id")
    list_select_related = ("user", "conversation")
    fields = (
        "type", "state", "user", "conversation", "channel", "request_id", "correlation_id",
        "attempts", "created", "finished",
    )  # fmt: skip
    readonly_fields = fields

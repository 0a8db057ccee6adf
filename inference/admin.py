"""Models, streams and workers in Django's admin: to look at, with little to change."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.utils.safestring import SafeString

from inference.models import ModelEntry, StreamEvent, Vocabulary, WorkerBeat
from inference.read_only_admin import Concealed, ReadOnly, as_json, pretty
from inference.registry import cancel_load


@admin.register(ModelEntry)
class ModelEntryAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """The label and the default can be changed; the rest is what the files and workers say."""

    list_display = (
        "label", "slug", "family", "kind", "state", "loading", "device", "context", "is_default",
    )  # fmt: skip
    list_filter = ("state", "kind", "family", "is_shipped", "is_default")
    search_fields = ("slug", "label", "family")
    fields = (
        "label", "is_default", "slug", "family", "kind", "state", "loading", "error", "device",
        "context", "mask_id", "parameters", "weights_hash", "shown_card", "updated",
    )  # fmt: skip
    readonly_fields = fields[2:]
    actions = ["cancel_loading"]

    @admin.display(description="loaded")
    def loading(self, row: ModelEntry) -> str:
        """How much of the weights has been read."""
        read, total = (filesizeformat(size) for size in (row.bytes_loaded, row.bytes_total))
        return f"{row.progress:.0%} ({read} of {total})" if row.bytes_total else "–"

    @admin.action(description="Cancel loading", permissions=["change"])
    def cancel_loading(self, request: HttpRequest, queryset: QuerySet[ModelEntry]) -> None:
        count = sum(cancel_load(slug) for slug in queryset.values_list("slug", flat=True))
        self.message_user(request, f"Loading is being cancelled: {count}.")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    @admin.display(description="card")
    def shown_card(self, row: ModelEntry) -> SafeString:
        return as_json(row.card)

    def save_model(self, request: HttpRequest, obj: ModelEntry, form: Any, change: bool) -> None:
        if obj.is_default:
            ModelEntry.objects.exclude(pk=obj.pk).update(is_default=False)
        super().save_model(request, obj, form, change)


@admin.register(Vocabulary)
class VocabularyAdmin(ReadOnly):
    list_display = ("hash", "size")
    search_fields = ("hash",)
    fields = ("hash", "size")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Vocabulary]:
        return Vocabulary.objects.defer("pieces")


@admin.register(StreamEvent)
class StreamEventAdmin(Concealed):
    """Events tell what people write and models answer, so their contents are not shown."""

    list_display = ("stream", "number", "type", "created")
    list_filter = ("type", "created")
    search_fields = ("stream__id",)
    fields = ("stream", "number", "type", "created")
    readonly_fields = fields
    written, text_of, named = ("payload_text",), "payload", "an event"
    payload_text = pretty("payload", "payload")


@admin.register(WorkerBeat)
class WorkerBeatAdmin(ReadOnly):
    list_display = ("name", "device", "seen", "loaded")
    fields = ("name", "device", "seen", "loaded", "shown_metrics")
    readonly_fields = fields

    @admin.display(description="metrics")
    def shown_metrics(self, row: WorkerBeat) -> SafeString:
        return as_json(row.metrics)

"""Texts token by token in Django's admin: completions, pairs of models, trees of the drawer."""

from __future__ import annotations

from collections.abc import Iterable

from django.contrib import admin

from inference.read_only_admin import Concealed, Exportable, Part, pretty
from playground.models import Completion, SideBySide, TokenTree
from playground.records.token_trees import tree_json


@admin.register(Completion)
class CompletionAdmin(Concealed, Part):
    list_display = ("id", "owner", "model", "status", "written", "finish_reason", "created")
    list_filter = ("status", "finish_reason", "model", "created")
    search_fields = ("id", "owner__username", "model__slug")
    list_select_related = ("owner", "model")
    fields = (
        "id", "owner", "model", "status", "cancel_requested", "attempts", "most",
        "settings_text", "finish_reason", "error_text", "lease_fence", "lease_expires",
        "created", "updated", "finished",
    )  # fmt: skip
    written, text_of, named = ("prompt_text", "text"), "text", "prompt and text of a completion"
    prompt_text = pretty("prompt", "prompt")
    settings_text = pretty("settings", "settings")
    error_text = pretty("error", "error")
    readonly_fields = fields


@admin.register(SideBySide)
class SideBySideAdmin(Concealed):
    list_display = ("id", "owner", "causal_model", "masked_model", "created")
    list_filter = ("created",)
    search_fields = ("id", "owner__username", "causal_model__slug", "masked_model__slug")
    list_select_related = ("owner", "causal_model", "masked_model")
    fields = (
        "id", "owner", "causal_model", "masked_model", "causal", "masked", "repair", "least",
        "settings_text", "created",
    )  # fmt: skip
    written, text_of, named = ("prompt",), "prompt", "the prompt of two models"
    settings_text = pretty("settings", "settings")
    readonly_fields = fields


@admin.register(TokenTree)
class TokenTreeAdmin(Concealed, Exportable):
    list_display = ("id", "owner", "model", "created", "updated", "deleted")
    list_filter = ("model", "created", ("deleted", admin.EmptyFieldListFilter))
    search_fields = ("id", "owner__username", "model__slug")
    list_select_related = ("owner", "model")
    fields = (
        "id", "owner", "model", "seed", "head", "settings_text", "provenance_text",
        "imported_from", "created", "updated", "deleted",
    )  # fmt: skip
    written, text_of, named = ("text",), "text", "the text of a tree"
    settings_text = pretty("settings", "settings")
    provenance_text = pretty("provenance", "provenance")
    readonly_fields = fields

    def record_of(self, row: TokenTree) -> Iterable[str]:
        return [tree_json(row)]

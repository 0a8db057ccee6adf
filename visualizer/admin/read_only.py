"""Rows that are looked at in Django's admin, and not changed there."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.utils.html import format_html


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


class Concealed(ReadOnly):
    """What people wrote is not shown, unless it is asked for; that is kept in the admin's log.

    `written`: the fields to hide, `text_of`: the field that is counted, `named`: what it is.
    """

    written: tuple[str, ...] = ()
    text_of = ""
    named = ""

    @admin.display(description="what was written")
    def hidden(self, row: Model) -> str:
        size = len(getattr(row, self.text_of))
        return format_html(
            '{} characters, not shown. <a href="?reveal=1">Show (is logged)</a>', size
        )

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        shown = self.written if "reveal" in request.GET else ("hidden",)
        return (*super().get_fields(request, obj), *shown)

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **more: Any) -> Any:
        """Whoever looks at what somebody wrote leaves a line in the log."""
        row = self.get_object(request, object_id) if "reveal" in request.GET else None
        if row is not None and self.has_view_permission(request, row):
            self.log_change(request, row, f"Looked at {self.named}.")
        return super().change_view(request, object_id, *args, **more)


class Part(ReadOnly):
    """A part of a session: it goes with the whole session or account, never by itself.

    A step that is missing from its branch makes every later state of the record false.
    """

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Asked from its own pages: no. Asked for a cascade from above: as the account may."""
        match, own = request.resolver_match, f"{self.opts.app_label}_{self.opts.model_name}_"
        if match is None or str(match.url_name).startswith(own):
            return False
        return super().has_delete_permission(request, obj)

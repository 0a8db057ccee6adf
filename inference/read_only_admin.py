"""Rows that are looked at in Django's admin, and not changed there."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import FileResponse, HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

LONGEST = 20_000
MOST_RECORDS = 100
"""Records of one download: each is made before the answer begins."""


def as_json(value: Any) -> SafeString:
    """JSON for reading; text of models and users is escaped, long values are cut."""
    text = json.dumps(value, indent=1, ensure_ascii=False)
    shown = text[:LONGEST] + ("…" if len(text) > LONGEST else "")
    return format_html('<pre tabindex="0">{}</pre>', shown)


def pretty(field: str, label: str) -> Any:
    """A column that shows a JSON field on its detail page, as text."""

    def show(_: Any, row: Model) -> SafeString:
        return as_json(getattr(row, field))

    show.__name__ = f"{field}_text"
    return admin.display(description=label)(show)


class ReadOnly(admin.ModelAdmin):  # type: ignore[type-arg]
    """The record is append-only: nothing here can be added or changed."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class Concealed(ReadOnly):
    """What people and models wrote is not shown, unless it is asked for; that is kept in the log.

    `written`: the fields to hide, `text_of`: the field that is counted, `named`: what it is.
    """

    written: tuple[str, ...] = ()
    text_of = ""
    named = ""

    @admin.display(description="what was written")
    def hidden(self, row: Model) -> SafeString:
        value = getattr(row, self.text_of)
        size = len(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
        return format_html(
            '{} characters, not shown. <a class="button" href="?reveal=1">Show (is logged)</a>',
            size,
        )

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        shown = self.written if "reveal" in request.GET else ("hidden",)
        return (*super().get_fields(request, obj), *shown)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return (*super().get_readonly_fields(request, obj), *self.written, "hidden")

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


class Exportable(ReadOnly):
    """An action that downloads the records of chosen rows; each is a line in the admin's log."""

    actions: Any = ("export_records",)

    def record_of(self, row: Any) -> Iterable[str]:
        """The row's record (JSON) in pieces."""
        raise NotImplementedError

    @admin.action(description="Export the selected records (is logged)", permissions=["view"])
    def export_records(self, request: HttpRequest, rows: QuerySet[Any]) -> FileResponse | None:
        if rows.count() > MOST_RECORDS:
            self.message_user(request, f"Choose {MOST_RECORDS} at most.", "error")
            return None
        file = tempfile.TemporaryFile()  # noqa: SIM115 - the answer closes it
        with ZipFile(file, "w", ZIP_DEFLATED) as packed:
            for row in rows:
                self.log_change(request, row, "Exported the record.")
                packed.writestr(f"unmask-{row.pk}.json", "".join(self.record_of(row)))
        file.seek(0)
        return FileResponse(file, as_attachment=True, filename="unmask-records.zip")

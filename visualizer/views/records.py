"""Records as files: downloads of a session, and uploads that become one with the same tree."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from core.commands.parsing import parse
from core.http.errors import back_to
from core.http.uploads import record_text
from inference.errors import UnmaskError
from visualizer.records.chain import UNVERIFIED, is_sealed
from visualizer.records.exporter import FORMATS
from visualizer.records.importer import import_record
from visualizer.records.schema import UPLOAD_BYTES
from visualizer.views.access import SessionAccess, session_page

LARGEST = (
    f"{UPLOAD_BYTES // 2**20} MB. Larger ones come in on the server, by "
    "`manage.py import_record FILE USERNAME`."
)


@session_page
def export(request: HttpRequest, access: SessionAccess, form: str) -> HttpResponse:
    """The session in one of the table's formats, as a file."""
    if form not in FORMATS:
        raise UnmaskError("not_found", f"A session has no download named {form[:20]}.", "form")
    session = access.session
    chosen = FORMATS[form]
    response = HttpResponse(chosen.write(session), content_type=chosen.content_type)
    response["Content-Disposition"] = f'attachment; filename="unmask-{session.pk}.{form}"'
    response["Cache-Control"] = "private, no-store"
    return response


@login_required
@require_POST
def import_session(request: HttpRequest) -> HttpResponse:
    """Make a session of an uploaded record; what is wrong with the file is said in words."""
    back_to(request, reverse("sessions"))
    text = record_text(request.FILES.get("record"), UPLOAD_BYTES, LARGEST)
    raw = parse(text, UPLOAD_BYTES)
    session = import_record(owner=request.user, raw=raw)
    messages.success(request, f"Record imported.{_unverified(raw)}")
    return redirect("workspace", session.pk)


def _unverified(raw: dict[str, Any]) -> str:
    return "" if is_sealed(raw) else f" {UNVERIFIED}"

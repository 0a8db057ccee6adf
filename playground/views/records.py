"""Downloads of a conversation, and uploads that become one."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from core.commands.parsing import parse
from core.http.errors import back_to
from core.http.uploads import record_text
from inference.errors import UnmaskError
from playground.records.exporter import FORMATS
from playground.records.importer import import_record
from playground.records.schema import RECORD_BYTES
from playground.selectors.conversations import conversation_for


@login_required
@require_safe
def export(request: HttpRequest, conversation_id: UUID, form: str) -> HttpResponse:
    """The conversation in one of the table's formats, as a file named by its file name."""
    found = conversation_for(request.user, conversation_id)
    if form not in FORMATS:
        raise UnmaskError("not_found", f"A conversation has no download named {form[:20]}.", "form")
    chosen = FORMATS[form]
    response = HttpResponse(chosen.write(found), content_type=chosen.content_type)
    name = f"{found.file_name.removesuffix('.txt')}.{chosen.ending}"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "private, no-store"
    return response


@login_required
@require_POST
def import_conversation(request: HttpRequest) -> HttpResponse:
    """Make a conversation of an uploaded record."""
    back_to(request, reverse("chats"))
    raw = parse(record_text(request.FILES.get("record"), RECORD_BYTES), RECORD_BYTES)
    conversation = import_record(owner=request.user, raw=raw)
    messages.success(request, "The record is a conversation of yours now.")
    return redirect("conversation", conversation.pk)

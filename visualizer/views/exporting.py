"""Downloads of a session: the record as JSON, its steps as CSV."""

from __future__ import annotations

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from visualizer.exports import FORMATS
from visualizer.views.places import own_session


@login_required
@require_GET
def export(request: HttpRequest, session_id: UUID, form: str) -> HttpResponse:
    """The session in one of the table's formats, as a file."""
    if form not in FORMATS:
        raise Http404("No such format")
    session = own_session(request, session_id)
    chosen = FORMATS[form]
    response = HttpResponse(chosen.write(session), content_type=chosen.content_type)
    response["Content-Disposition"] = f'attachment; filename="unmask-{session.pk}.{form}"'
    response["Cache-Control"] = "private, no-store"
    return response

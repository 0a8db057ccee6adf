"""Downloads of a session: the record as JSON, its steps as CSV."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse

from visualizer.exports import FORMATS
from visualizer.views.reading import Seen, for_readers


@for_readers
def export(request: HttpRequest, seen: Seen, form: str) -> HttpResponse:
    """The session in one of the table's formats, as a file."""
    if form not in FORMATS:
        raise Http404("No such format")
    session = seen.session
    chosen = FORMATS[form]
    response = HttpResponse(chosen.write(session), content_type=chosen.content_type)
    response["Content-Disposition"] = f'attachment; filename="unmask-{session.pk}.{form}"'
    response["Cache-Control"] = "private, no-store"
    return response

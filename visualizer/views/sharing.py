"""Links to a session: the owner's page of them, and a copy for whoever came through one."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import segno
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.http import require_http_methods, require_POST

from accounts.middleware import too_fast
from accounts.rate_limits import LINK_READS
from core.commands.ask import ask_now
from core.commands.validation import from_form
from core.http.errors import back_to
from core.http.links import LASTS, unlisted
from inference.errors import UnmaskError
from visualizer.commands import COMMANDS
from visualizer.records.importer import copy_session
from visualizer.selectors import session_for
from visualizer.selectors.readers import links_of
from visualizer.views.access import access_by_link


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def share(request: HttpRequest, session_id: UUID) -> HttpResponse:
    """The session's links. A new one's address is on the answer to the form, and never again."""
    session = session_for(request.user, session_id)
    context: dict[str, Any] = {"session": session, "lasts": LASTS}
    if request.method == "POST":
        try:
            made = ask_now(COMMANDS, request.user, _wanted(request), session)
            address = request.build_absolute_uri(made["path"])
            context |= {"address": address, "qr": qr_code(address)}
        except UnmaskError as error:
            context["problem"] = error.message
    context["links"] = links_of(session)
    response = render(request, "visualizer/share.html", context)
    response.headers["Cache-Control"] = "private, no-store"
    return response


def qr_code(address: str) -> SafeString:
    """The address as an SVG of dark and light squares; the library writes nothing of it as text."""
    made = segno.make(address, error="m", micro=False)
    return mark_safe(made.svg_inline(scale=4, border=4, light="#fff"))


def _wanted(request: HttpRequest) -> dict[str, Any]:
    name = " ".join(request.POST.get("name", "").split())[:100]
    return from_form(COMMANDS, {"type": "share", "name": name, "hours": request.POST.get("hours")})


@login_required
@require_POST
def unshare(request: HttpRequest, session_id: UUID, link: int) -> HttpResponse:
    """Revoke a link; the page of links says what is left."""
    session = session_for(request.user, session_id)
    back_to(request, reverse("share", args=[session.pk]))
    ask_now(COMMANDS, request.user, {"type": "unshare", "link": link}, session)
    messages.success(request, "The link opens nothing any more.")
    return redirect("share", session.pk)


@login_required
@require_POST
def copy(request: HttpRequest, token: str) -> HttpResponseBase:
    """Make a session of the reader's own with the same tree."""
    access = access_by_link(token)
    key = f"copy {request.user.pk}"
    if not LINK_READS.hit(key):
        return unlisted(too_fast(request, LINK_READS.retry_after(key)))
    back_to(request, access.base)
    session = copy_session(session=access.session, owner=request.user)
    messages.success(request, "This is your own copy; the shared session stays as it is.")
    return unlisted(redirect("workspace", session.pk))

"""Links to a training: the owner's page of them, and what their holders see."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.paths import socket_of
from core.commands.ask import ask_now
from core.http.errors import back_to
from core.http.links import LASTS, read_by_link
from inference.errors import UnmaskError
from playground.training.commands import COMMANDS
from playground.training.models import Training
from playground.training.selectors.links import links_of, training_by_link
from playground.training.selectors.trainings import training_for
from playground.training.views.forms import message_of
from playground.training.views.pages import asked_number, page_context


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def share(request: HttpRequest, training_id: UUID) -> HttpResponse:
    """The training's links. A new one's address is on the answer to the form, once."""
    found = training_for(request.user, training_id)
    context: dict[str, Any] = {"page": "training", "training": found, "lasts": LASTS}
    if request.method == "POST":
        try:
            made = ask_now(COMMANDS, request.user, message_of("share", request.POST), found)
            context["address"] = request.build_absolute_uri(made["path"])
        except UnmaskError as error:
            context["problem"] = error.message
    context["links"] = links_of(found)
    response = render(request, "training/share.html", context)
    response.headers["Cache-Control"] = "private, no-store"
    return response


@login_required
@require_POST
def unshare(request: HttpRequest, training_id: UUID, link: int) -> HttpResponse:
    """Revoke a link; the page of links says what is left."""
    found = training_for(request.user, training_id)
    back_to(request, reverse("share_training", args=[found.pk]))
    ask_now(COMMANDS, request.user, {"type": "unshare", "link": link}, found)
    messages.success(request, "The link opens nothing any more.")
    return redirect("share_training", found.pk)


@require_safe
def shared(request: HttpRequest, token: str) -> HttpResponseBase:
    """The training as it goes on, to be watched by whoever holds the link."""
    found = training_by_link(token)
    return read_by_link(request, token, lambda: _page(request, found, token))


def _page(request: HttpRequest, found: Training, token: str) -> HttpResponse:
    context = page_context(found, asked_number(request))
    context |= {
        "read_only": True,
        "base": reverse("shared_training", args=[token]),
        "socket": socket_of(f"/r/training/{token}/"),
    }
    return render(request, "training/training.html", context)

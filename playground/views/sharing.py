"""Links to a conversation: the owner's page of them, and what their holders see."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.paths import socket_of
from core.commands.ask import ask_now
from core.http.errors import back_to, is_program
from core.http.links import LASTS, read_by_link
from inference.errors import UnmaskError
from playground.commands import COMMANDS
from playground.models import ConversationLink
from playground.selectors.conversations import conversation_for
from playground.selectors.links import links_of, open_link
from playground.views.forms import message_of
from playground.views.pages import (
    before_of,
    line_context,
    shown_tokens,
    told_drafts,
    turn_context,
)

WRITING = ("send", "stop", "edit", "regenerate", "continue", "choose", "show")
WRITTEN = ("message", "message_id", "number", "token")
"""What holders of a link may do, and the fields of it."""
View = Callable[..., HttpResponseBase]


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def share(request: HttpRequest, conversation_id: UUID) -> HttpResponse:
    """The conversation's links. A new one's address is on the answer to the form, once."""
    found = conversation_for(request.user, conversation_id)
    context: dict[str, Any] = {"conversation": found, "lasts": LASTS}
    if request.method == "POST":
        try:
            made = ask_now(COMMANDS, request.user, message_of("share", request.POST), found)
            context["address"] = request.build_absolute_uri(made["path"])
        except UnmaskError as error:
            context["problem"] = error.message
    context["links"] = links_of(found)
    response = render(request, "playground/share.html", context)
    response.headers["Cache-Control"] = "private, no-store"
    return response


@login_required
@require_POST
def unshare(request: HttpRequest, conversation_id: UUID, link: int) -> HttpResponse:
    """Revoke a link; the page of links says what is left."""
    found = conversation_for(request.user, conversation_id)
    back_to(request, reverse("share_chat", args=[found.pk]))
    ask_now(COMMANDS, request.user, {"type": "unshare", "link": link}, found)
    messages.success(request, "The link opens nothing any more.")
    return redirect("share_chat", found.pk)


def by_link(view: View) -> View:
    """`view(request, link, …)` for whoever holds a link; for anybody else there is none."""

    @wraps(view)
    def answer(request: HttpRequest, token: str, **rest: Any) -> HttpResponseBase:
        link, base = open_link(token), reverse("shared_chat", args=[token])
        return read_by_link(request, token, lambda: view(request, link, base=base, **rest))

    return answer


def _viewer(link: ConversationLink, base: str) -> dict[str, Any]:
    return {"base": base, "can_write": link.may_write, "is_owner": False}


@require_safe
@by_link
def shared(request: HttpRequest, link: ConversationLink, base: str) -> HttpResponse:
    """The conversation, to be read, or written in if the link says so."""
    socket = {"socket": socket_of(base)}
    context = line_context(link.conversation, None) | _viewer(link, base) | socket
    return render(request, "playground/conversation.html", context)


@require_safe
@by_link
def shared_line(request: HttpRequest, link: ConversationLink, base: str) -> HttpResponse:
    """The shown line alone."""
    context = line_context(link.conversation, before_of(request)) | _viewer(link, base)
    return render(request, "playground/partials/line.html", context)


@require_safe
@by_link
def shared_turn(
    request: HttpRequest, link: ConversationLink, base: str, message_id: int
) -> HttpResponse:
    """One turn alone, as it stands."""
    context = turn_context(link.conversation, message_id) | _viewer(link, base)
    return render(request, "playground/partials/turn.html", context)


@require_safe
@by_link
def shared_tokens(
    request: HttpRequest, link: ConversationLink, base: str, message_id: int
) -> HttpResponse:
    """An answer's tokens with what else was likely."""
    return shown_tokens(request, link.conversation, message_id, _viewer(link, base))


@require_safe
@by_link
def shared_drafts(
    request: HttpRequest, link: ConversationLink, base: str, message_id: int
) -> HttpResponse:
    """How an answer formed on its canvas."""
    return told_drafts(link.conversation, message_id)


@require_POST
@by_link
def write(request: HttpRequest, link: ConversationLink, base: str, name: str) -> HttpResponse:
    """Carry out a command in the owner's name, for a link whose holders may write.

    They write turns; what stands over the conversation (model, title, links) stays the owner's.
    """
    back_to(request, base)
    if name not in WRITING or not link.may_write:
        raise UnmaskError("auth", "This link lets you read the conversation, not change it.")
    form = QueryDict(mutable=True)
    form.update({field: request.POST[field] for field in WRITTEN if field in request.POST})
    found = link.conversation
    message = message_of(name, form, conversation_id=str(found.pk))
    reply = ask_now(COMMANDS, found.owner, message)
    return JsonResponse(reply) if is_program(request) else redirect(base)

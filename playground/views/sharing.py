"""Links to a conversation: the owner's page of them, and what their holders see."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.middleware import address, too_fast
from accounts.rate_limits import LINK_READS
from core.commands.ask import ask_now
from core.http.errors import back_to
from inference.errors import UnmaskError
from playground.commands import COMMANDS
from playground.models import Conversation
from playground.selectors.conversations import conversation_for, message_for
from playground.selectors.line import Turn, siblings_of
from playground.selectors.links import conversation_by_link, links_of
from playground.views.forms import message_of
from playground.views.pages import before_of, line_context
from playground.views.turns import shown_turn

LASTS = {"": "until I revoke it", "1": "one hour", "24": "one day", "168": "one week"}
UNLISTED = {
    "Referrer-Policy": "same-origin",  # the address is the key: no other site may learn it
    "X-Robots-Tag": "noindex",
    "Cache-Control": "private, no-store",
}
View = Callable[..., HttpResponse]


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
    """`view(request, conversation, …)` for whoever holds a link; for anybody else there is none."""

    @wraps(view)
    @require_safe
    def answer(request: HttpRequest, token: str, **rest: Any) -> HttpResponse:
        found = conversation_by_link(token)
        key = f"{token} {address(request)}"
        if not LINK_READS.hit(key):
            response = too_fast(request, LINK_READS.retry_after(key))
        else:
            response = view(request, found, token=token, **rest)
        for name, value in UNLISTED.items():
            response.headers[name] = value
        return response

    return answer


@by_link
def shared(request: HttpRequest, found: Conversation, token: str) -> HttpResponse:
    """The conversation, to be read."""
    context = line_context(found, None) | {
        "read_only": True,
        "base": reverse("shared_chat", args=[token]),
        "socket": f"/ws/r/chat/{token}/",
    }
    return render(request, "playground/conversation.html", context)


@by_link
def shared_line(request: HttpRequest, found: Conversation, token: str) -> HttpResponse:
    """The shown line alone."""
    context = line_context(found, before_of(request)) | {"read_only": True}
    return render(request, "playground/partials/line.html", context)


@by_link
def shared_turn(
    request: HttpRequest, found: Conversation, token: str, message_id: int
) -> HttpResponse:
    """One turn alone, as it stands."""
    message = message_for(found, message_id)
    turn = shown_turn(Turn(message, siblings_of(message)))
    last = message.pk == found.head_id
    context = {"conversation": found, "turn": turn, "last": last, "read_only": True}
    return render(request, "playground/partials/turn.html", context)

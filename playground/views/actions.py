"""Buttons and forms of the pages: each is a command; scripts get its reply, people the page."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from core.commands.ask import ask_now
from core.http.errors import back_to, is_program
from inference.errors import UnmaskError
from playground.commands import COMMANDS
from playground.selectors.conversations import conversation_for
from playground.views.forms import message_of

FORMS = (
    *("send", "stop", "edit", "regenerate", "continue", "choose", "show"),
    *("change", "delete", "restore"),
)


@login_required
@require_POST
def begin(request: HttpRequest) -> HttpResponse:
    """Begin a conversation with the form's message. Its settings are those of all answers."""
    back_to(request, reverse("chats"))
    message = message_of("send", request.POST)
    with transaction.atomic():
        reply = ask_now(COMMANDS, request.user, message)
        if message.get("settings"):
            kept = {"conversation_id": reply["conversation_id"], "settings": message["settings"]}
            ask_now(COMMANDS, request.user, {"type": "change", **kept})
    return _answer(request, reply, reverse("conversation", args=[reply["conversation_id"]]))


@login_required
@require_POST
def act(request: HttpRequest, conversation_id: UUID, name: str) -> HttpResponse:
    """Carry out a command about a conversation."""
    if name not in FORMS:
        raise UnmaskError("not_found", "There is no such action.")
    deleted = name == "restore"
    found = conversation_for(request.user, conversation_id, deleted)
    here = reverse("conversation", args=[found.pk])
    back_to(request, reverse("chats") if deleted else here)
    message = message_of(name, request.POST, conversation_id=str(found.pk))
    reply = ask_now(COMMANDS, request.user, message)
    if deleted:
        messages.success(request, "The conversation is back.")
    return _answer(request, reply, _next(name, found.pk, here))


def _next(name: str, id: UUID, here: str) -> str:
    """Where people go on: a deleted conversation can be brought back from the list."""
    if name == "delete":
        return f"{reverse('chats')}?{urlencode({'deleted': str(id)})}"
    return here


def _answer(request: HttpRequest, reply: dict[str, Any], address: str) -> HttpResponse:
    return JsonResponse(reply) if is_program(request) else redirect(address)

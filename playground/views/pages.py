"""The pages of conversations: the list, one conversation, and parts of it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.core.paginator import Page, Paginator
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from accounts.paths import socket_of
from core import generation
from core.http.errors import is_htmx
from inference.catalog import RECIPES
from playground.models import Conversation, Message
from playground.selectors.conversations import (
    conversation_for,
    conversations_of,
    folders_of,
    message_for,
)
from playground.selectors.line import Turn, line_of, siblings_of, window_start
from playground.selectors.models import models_for_chat
from playground.selectors.payloads import LAST
from playground.selectors.search import matching
from playground.selectors.tokens import alternatives_of, token_at, tokens_of
from playground.views.model_notes import note_of
from playground.views.turns import shown_turn

PER_PAGE = 30
NOTED = 2
"""Models of which the page for a new conversation tells more than the name: the first ones."""


@login_required
@require_safe
def chats(request: HttpRequest) -> HttpResponse:
    """The list beside an empty conversation; the list alone when HTMX asks."""
    context = _list_context(request)
    if is_htmx(request):
        return render(request, "playground/partials/list.html", context)
    models = models_for_chat(request.user)
    context |= {"models": models, "chosen": request.GET.get("model", ""), "recipes": RECIPES}
    context["notes"] = [note_of(model) for model in models[:NOTED]]
    return render(request, "playground/chats.html", context)


@login_required
@require_safe
def conversation(request: HttpRequest, conversation_id: UUID) -> HttpResponse:
    """A conversation with the last turns of its shown line."""
    found = conversation_for(request.user, conversation_id)
    context = _list_context(request) | line_context(found, None) | as_owner(found)
    context |= {"socket": socket_of(f"/conversation/watch/{found.pk}")}
    context |= {"models": models_for_chat(request.user), "folders": folders_of(request.user)}
    context["recipes"] = RECIPES
    return render(request, "playground/conversation.html", context)


@login_required
@require_safe
def line(request: HttpRequest, conversation_id: UUID) -> HttpResponse:
    """The shown line alone; `?before=ID`: the turns above that message."""
    found = conversation_for(request.user, conversation_id)
    context = line_context(found, before_of(request)) | as_owner(found)
    return render(request, "playground/partials/line.html", context)


def as_owner(found: Conversation) -> dict[str, Any]:
    """What turns' templates know of whoever looks: the address of the forms, and what is there."""
    here = reverse("conversation", args=[found.pk])
    return {"base": here, "can_write": True, "is_owner": True}


def before_of(request: HttpRequest) -> int | None:
    """`?before=ID` of the address; None where there is no number."""
    before = request.GET.get("before", "")
    return int(before) if before.isascii() and before.isdigit() and len(before) < 16 else None


@login_required
@require_safe
def turn(request: HttpRequest, conversation_id: UUID, message_id: int) -> HttpResponse:
    """One turn alone, as it stands."""
    found = conversation_for(request.user, conversation_id)
    context = turn_context(found, message_id) | as_owner(found)
    return render(request, "playground/partials/turn.html", context)


def turn_context(found: Conversation, message_id: int) -> dict[str, Any]:
    """What a turn's template needs. Raises not_found."""
    message = message_for(found, message_id)
    shown = shown_turn(Turn(message, siblings_of(message)))
    return {"conversation": found, "turn": shown, "last": message.pk == found.head_id}


@login_required
@require_safe
def drafts(request: HttpRequest, conversation_id: UUID, message_id: int) -> JsonResponse:
    """How an answer formed on its canvas, draft by draft."""
    return told_drafts(conversation_for(request.user, conversation_id), message_id)


def told_drafts(found: Conversation, message_id: int) -> JsonResponse:
    """{prefix, drafts}: no drafts where none are kept. Raises not_found."""
    message = message_for(found, message_id)
    told: list[dict[str, Any]] = []
    if message.generation is not None:
        told = generation.drafts(user=found.owner, id=message.generation)
    return JsonResponse({"prefix": message.prefix, "drafts": told})


@login_required
@require_safe
def tokens(request: HttpRequest, conversation_id: UUID, message_id: int) -> HttpResponse:
    """An answer's tokens; `?number=N`: what might have stood there."""
    found = conversation_for(request.user, conversation_id)
    return shown_tokens(request, found, message_id, as_owner(found))


def shown_tokens(
    request: HttpRequest, found: Conversation, message_id: int, viewer: dict[str, Any]
) -> HttpResponse:
    """The tokens for whoever looks. Raises not_found."""
    message = message_for(found, message_id)
    number = request.GET.get("number", "")
    context: dict[str, Any] = {"conversation": found, "message": message, **viewer}
    if number.isascii() and number.isdigit() and len(number) < 9:
        row = token_at(message, int(number))
        context |= {"number": row.number, "alternatives": alternatives_of(row)}
        return render(request, "playground/partials/alternatives.html", context)
    context["tokens"] = [(row, alternatives_of(row)) for row in tokens_of(message)]
    return render(request, "playground/partials/tokens.html", context)


def _list_context(request: HttpRequest) -> dict[str, Any]:
    """What the list shows; `page` marks the place in the navigation."""
    words, folder = request.GET.get("q", "").strip()[:200], request.GET.get("folder", "")[:100]
    archived = request.GET.get("archived") == "1"
    return {
        "page": "chats",
        "rows": _page(request, words, folder, archived),
        "q": words,
        "folder": folder,
        "archived": archived,
        "folders": folders_of(request.user),
    }


def _page(request: HttpRequest, words: str, folder: str, archived: bool) -> Page[Conversation]:
    rows = conversations_of(request.user).filter(archived__isnull=not archived)
    if folder:
        rows = rows.filter(folder=folder)
    rows = matching(rows, words).order_by("-updated", "pk")
    return Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))


def line_context(found: Conversation, before: int | None) -> dict[str, Any]:
    """What the shown line's template needs."""
    turns, more = line_of(found, LAST, before)
    return {
        "conversation": found,
        "note": note_of(found.model),
        "turns": [shown_turn(one) for one in turns],
        "more": more,
        "window": window_start(found),
        "meter": _meter(found, [one.message for one in turns]) if before is None else None,
    }


def _meter(found: Conversation, messages: list[Message]) -> dict[str, int] | None:
    """Tokens of the newest counted answer with its prompt, and the model's context."""
    counted = (m for m in reversed(messages) if m.usage.get("total_tokens"))
    newest = next(counted, None)
    if newest is None or not found.model.context:
        return None
    return {"used": newest.usage["total_tokens"], "context": found.model.context}

"""Buttons and forms of the pages: each is a command; scripts get its reply, people the page."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from core.commands.ask import LOAD_WAIT_SECONDS, ask, ask_now
from core.http.errors import back_to, is_program
from inference.errors import UnmaskError
from playground.training.commands import COMMANDS
from playground.training.selectors.trainings import training_for
from playground.training.views.forms import message_of
from playground.training.views.pages import form_context

FORMS = ("pause", "resume", "stop", "extend", "rename", "delete")
LATE = "The moments take long to answer. Ask again in a moment."


@login_required
@require_POST
def begin(request: HttpRequest) -> HttpResponse:
    """Begin a training; a form that is refused is shown again with what was typed."""
    try:
        reply = ask_now(COMMANDS, request.user, message_of("train", request.POST))
    except UnmaskError as error:
        if is_program(request):
            raise
        typed = {name: value for name, value in request.POST.items() if isinstance(value, str)}
        context = form_context(request.user, typed, error)
        return render(request, "training/trainings.html", context, status=error.status)
    return _answer(request, reply, reverse("training", args=[reply["training_id"]]))


@login_required
@require_POST
def act(request: HttpRequest, training_id: UUID, name: str) -> HttpResponse:
    """Carry out a command about a training."""
    if name not in FORMS:
        raise UnmaskError("not_found", "There is no such action.")
    found = training_for(request.user, training_id)
    here = reverse("training", args=[found.pk])
    back_to(request, here)
    message = message_of(name, request.POST, training_id=str(found.pk))
    reply = ask_now(COMMANDS, request.user, message)
    if name == "delete":
        messages.success(request, f"{found.name} was deleted.")
        here = reverse("trainings")
    return _answer(request, reply, here)


@login_required
@require_POST
async def ask_moments(request: HttpRequest, training_id: UUID) -> HttpResponse:
    """Have all moments answer; people come back to the page with the answers."""
    user = await request.auser()
    found = await sync_to_async(training_for)(user, training_id)
    here = reverse("training", args=[found.pk])
    back_to(request, here)
    message = message_of("ask", request.POST, training_id=str(found.pk))
    message["prompt"] = request.POST.get("prompt", "").replace("\r\n", "\n")
    reply = await ask(COMMANDS, user, message, seconds=LOAD_WAIT_SECONDS, late=LATE)
    return _answer(request, reply, f"{here}?question={reply['question_id']}#machine")


def _answer(request: HttpRequest, reply: dict[str, Any], address: str) -> HttpResponse:
    return JsonResponse(reply) if is_program(request) else redirect(address)

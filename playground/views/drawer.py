"""The drawer of the token playground: fetched by whatever page opens it."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from inference.models import ModelEntry

MOST_TOKENS = 500
SPEEDS = (100, 2000, 500)
"""Milliseconds between two tokens: least, most, at first."""


@login_required
@require_safe
def drawer(request: HttpRequest) -> HttpResponse:
    """The drawer's inside, with the models that it can step through."""
    unusable = (ModelEntry.State.ABSENT, ModelEntry.State.FAILED)
    rows = ModelEntry.visible_to(request.user).exclude(state__in=unusable)
    models = rows.filter(kind=ModelEntry.Kind.AUTOREGRESSIVE)
    least, most, first = SPEEDS
    context = {"models": models, "most": MOST_TOKENS, "slow": most, "fast": least, "speed": first}
    return render(request, "playground/drawer.html", context)

"""The drawer of the token playground: fetched by whatever page opens it."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from inference.errors import UnmaskError
from inference.models import ModelEntry
from inference.wait_reason import wait_reason

MOST_TOKENS = 500
SPEEDS = (100, 2000, 500)
"""Milliseconds between two tokens: least, most, at first."""
_UNITS = ((10**9, "B"), (10**6, "M"), (10**3, "K"))


@login_required
@require_safe
def drawer(request: HttpRequest) -> HttpResponse:
    """The drawer's inside, with the models that it can step through."""
    unusable = (ModelEntry.State.ABSENT, ModelEntry.State.FAILED)
    rows = ModelEntry.visible_to(request.user).exclude(state__in=unusable)
    models = rows.filter(kind=ModelEntry.Kind.AUTOREGRESSIVE)
    least, most, first = SPEEDS
    context = {
        "models": [_option(model) for model in models],
        "sides": range(2),
        "most": MOST_TOKENS,
        "slow": most,
        "fast": least,
        "speed": first,
    }
    return render(request, "playground/drawer.html", context)


@login_required
@require_safe
def drawer_model(request: HttpRequest, slug: str) -> JsonResponse:
    """What the first question to a model waits for: {state, words}.

    Raises UnmaskError: not_found for a model that is unknown or another's.
    """
    model = ModelEntry.visible_to(request.user).filter(slug=slug).first()
    if model is None:
        raise UnmaskError("not_found", "There is no such model, or you don't have access to it.")
    words = wait_reason(model, "The next token comes")
    return JsonResponse({"state": model.state, "words": words})


def _option(model: ModelEntry) -> dict[str, Any]:
    told = {"slug": model.slug, "label": model.label, "context": model.context}
    return {**told, "words": model_words(model)}


def model_words(model: ModelEntry) -> str:
    """What the indicator says of a model: "shakespeare (15K params, step 2000)"."""
    step = (model.card.get("training") or {}).get("steps")
    parts = [
        f"{short(model.parameters)} params" if model.parameters else "",
        f"step {step}" if isinstance(step, int) else "",
        f"context {model.context}" if model.context else "",
    ]
    told = ", ".join(part for part in parts if part)
    return f"{model.label} ({told})" if told else model.label


def short(number: int) -> str:
    """A count with three digits at most: 15K, 1.2M, 135M."""
    for size, unit in _UNITS:
        if number >= size:
            value = number / size
            return f"{value:.1f}".removesuffix(".0") + unit if value < 10 else f"{value:.0f}{unit}"
    return str(number)

"""The first page: a prompt, examples that suit the model, and what was made lately."""

from __future__ import annotations

from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from core.commands.ask import LOAD_WAIT_SECONDS, ask
from core.commands.validation import from_form
from inference.errors import UnmaskError
from inference.limits import LIMITS
from inference.models import ModelEntry
from visualizer.commands import COMMANDS
from visualizer.models import Session
from visualizer.partials import model_state
from visualizer.selectors import session_for, sessions_of
from visualizer.views.panel_defaults import defaults_of
from visualizer.views.params import number_of

FIELDS = ("prompt", "gen_length", "block_length", "seed", "model", "special_tokens")
RECENT = 6
LOADING = "The model is still loading. Try again in a moment."
Problem = UnmaskError | None


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
async def home(request: HttpRequest) -> HttpResponse:
    """Show the form; on POST make the session and go there."""
    user = await request.auser()
    if request.method == "POST":
        form = await sync_to_async(_sent)(request)
        try:
            return redirect("workspace", await _create(user, form))
        except UnmaskError as error:
            return await sync_to_async(_page)(request, user, form, error)
    return await sync_to_async(_page)(request, user, await _prefilled(request, user), None)


def _sent(request: HttpRequest) -> dict[str, str]:
    """The form as sent; a pressed example brings its own prompt and lengths."""
    form = {name: request.POST.get(name, "") for name in FIELDS}
    number = number_of(request.POST.get("example"))
    model = ModelEntry.objects.filter(slug=form["model"]).first()
    shown = examples(model.card) if model else []
    if number is None or number >= len(shown):
        return form
    own = {name: str(value) for name, value in shown[number].items() if name in FIELDS}
    return form | {"special_tokens": ""} | own


def examples(card: dict[str, Any]) -> list[dict[str, Any]]:
    """The model card's example prompts, each with the lengths that suit it."""
    listed = [{"prompt": row} if isinstance(row, str) else row for row in card.get("examples", [])]
    return [
        row | {"block_length": min(row.get("block_length") or length, length)}
        if (length := row.get("gen_length"))
        else row
        for row in listed
    ]


async def _create(user: Any, form: dict[str, str]) -> str:
    """The id of the new session. Raises UnmaskError with the field at fault."""
    message = from_form(COMMANDS, {"type": "initialize", **form})
    message["prompt"] = form["prompt"].replace("\r\n", "\n")
    reply = await ask(COMMANDS, user, message, None, LOAD_WAIT_SECONDS, late=LOADING)
    return str(reply["session_id"])


async def _prefilled(request: HttpRequest, user: Any) -> dict[str, str]:
    origin = request.GET.get("from")
    if not origin:
        usual = (await sync_to_async(defaults_of)(user)).get("gen_length", "")
        return {"model": request.GET.get("model", ""), "gen_length": str(usual)}
    return await sync_to_async(_like)(user, origin)


def _like(user: Any, origin: str) -> dict[str, str]:
    session = session_for(user, origin)
    return {
        "prompt": session.prompt,
        "gen_length": str(session.gen_length),
        "block_length": str(session.block_length),
        "seed": str(session.seed),
        "special_tokens": "on" if session.special_tokens else "",
        "model": session.model.slug,
    }


def _page(request: HttpRequest, user: Any, form: dict[str, str], problem: Problem) -> HttpResponse:
    models = list(
        ModelEntry.objects.filter(kind=ModelEntry.Kind.DIFFUSION).exclude(
            state=ModelEntry.State.ABSENT
        )
    )
    chosen = next((m for m in models if m.slug == form.get("model")), models[0] if models else None)
    context = {
        "page": "home",
        "form": form,
        "problem": problem,
        "models": models,
        "model": chosen,
        "model_state": model_state(chosen) if chosen else None,
        "card": chosen.card if chosen else {},
        "examples": examples(chosen.card) if chosen else [],
        "limits": LIMITS,
        "most": _longest(chosen),
        "recent": recent(user),
    }
    return render(request, "visualizer/home.html", context, status=400 if problem else 200)


def _longest(model: ModelEntry | None) -> int:
    """What the length field allows: the table's limit or the model's context."""
    limit = int(LIMITS["gen_length"].high)
    return min(limit, model.context) if model and model.context else limit


def recent(user: Any) -> list[Session]:
    """The sessions used last."""
    return list(sessions_of(user)[:RECENT])

"""The first page: a prompt, examples that suit the model, and what was made lately."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from inference.errors import UnmaskError
from inference.limits import LIMITS
from inference.models import ModelEntry
from inference.registry import sync_models
from visualizer.models import Command, Session
from visualizer.partials import model_state
from visualizer.selectors import session_for, sessions_of
from visualizer.selectors.recordings import recorded
from visualizer.views.examples import adapted, examples, mask_text, showcase, suited
from visualizer.views.panel_defaults import defaults_of
from visualizer.views.params import number_of
from visualizer.views.starts import go_on, model_of, start, start_of, waiting
from visualizer.views.tokens import BOX

FIELDS = ("prompt", "gen_length", "block_length", "seed", "model", "special_tokens", "chat")
RECENT = 6
RUNS = {"run_example", "run_recorded"}
"""Buttons that start a run in the new session."""
Problem = UnmaskError | None
Form = Mapping[str, str | None]
"""What stands in the fields; None where the model decides."""


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
async def home(request: HttpRequest) -> HttpResponse:
    """Show the form; on POST make the session and go there."""
    user = await request.auser()
    if request.method == "POST":
        form = await sync_to_async(_sent)(request, user)
        try:
            asked = form | {"prompt": await sync_to_async(_typed)(user, form)}
            return redirect(await start(user, asked, "1" if RUNS & request.POST.keys() else ""))
        except UnmaskError as error:
            return await sync_to_async(_page)(request, user, form, error)
    return await sync_to_async(_page)(request, user, await _prefilled(request, user), None)


@login_required
@require_safe
async def starting(request: HttpRequest, command_id: int) -> HttpResponse:
    """A session whose model is being loaded: how far that is, then the session itself.

    HTMX asks for the panel again every second. What went wrong is said on the first page, with the
    form as it was sent.
    """
    user, alone = await request.auser(), bool(request.headers.get("HX-Request"))
    command = await sync_to_async(start_of)(user, command_id)
    if command.state == Command.State.PENDING:
        name = "partials/starting" if alone else "starting"
        context = await sync_to_async(waiting)(command)
        return await sync_to_async(render)(request, f"visualizer/{name}.html", context)
    try:
        target = await go_on(user, command, request.GET.get("run", ""))
    except UnmaskError as error:
        if alone:
            return HttpResponse(headers={"HX-Redirect": request.get_full_path()})
        form = await sync_to_async(sent_before)(command)
        return await sync_to_async(_page)(request, user, form, error)
    return HttpResponse(headers={"HX-Redirect": target}) if alone else redirect(target)


@login_required
@require_POST
def find_models(request: HttpRequest) -> HttpResponse:
    """Look into the model directories again; says what is new."""
    known = set(ModelEntry.objects.exclude(state=ModelEntry.State.ABSENT).values_list("pk"))
    new = [entry.label for entry in sync_models() if (entry.pk,) not in known]
    messages.success(request, f"New: {', '.join(new)}." if new else "No new model was found.")
    return redirect("home")


def _sent(request: HttpRequest, user: Any) -> dict[str, str]:
    """The form as sent; a pressed example brings its own prompt and lengths."""
    form = {name: request.POST.get(name, "") for name in FIELDS}
    example = _pressed(request, user, form["model"])
    own = {name: _as_sent(value) for name, value in example.items() if name in FIELDS}
    model = _visible(user, form["model"])
    return form | {"special_tokens": "", "chat": _ticked(model)} | own if example else form


def _visible(user: Any, slug: str) -> ModelEntry | None:
    return ModelEntry.visible_to(user).filter(slug=slug).first()


def _ticked(model: ModelEntry | None) -> str:
    """How the box of questions stands at first: a model says whether it was taught to answer."""
    return "on" if model and model.card.get("chat") else ""


def _pressed(request: HttpRequest, user: Any, slug: str) -> dict[str, Any]:
    """The example whose button was pressed: of the recorded run or of the card; {} if none was."""
    if "run_recorded" in request.POST:
        return suited((recorded(slug) or {}).get("example", {}))
    number = number_of(request.POST.get("run_example", request.POST.get("example")))
    model = _visible(user, slug)
    shown = examples(model.card) if model else []
    return shown[number] if number is not None and number < len(shown) else {}


def _as_sent(value: Any) -> str:
    """A value of a card as a form would send it: a ticked box says "on"."""
    return ("on" if value else "") if isinstance(value, bool) else str(value)


def _typed(user: Any, form: dict[str, str]) -> str:
    """The prompt as typed; where special tokens count, a box is the model's mask."""
    prompt = form["prompt"].replace("\r\n", "\n")
    if not form["special_tokens"] or BOX not in prompt:
        return prompt
    entry = ModelEntry.visible_to(user).filter(slug=form["model"]).first()
    return prompt.replace(BOX, mask_text(entry)) if entry else prompt


async def _prefilled(request: HttpRequest, user: Any) -> Form:
    origin = request.GET.get("from")
    if not origin:
        usual = (await sync_to_async(defaults_of)(user)).get("gen_length", "")
        return {"model": request.GET.get("model", ""), "gen_length": str(usual), "chat": None}
    return await sync_to_async(_like)(user, origin)


def sent_before(command: Command) -> dict[str, str]:
    """The form that a start came from."""
    form = {name: _as_sent(command.message.get(name) or "") for name in FIELDS}
    prompt = _with_boxes(form["prompt"], model_of(command), bool(form["special_tokens"]))
    return form | {"prompt": prompt}


def _with_boxes(prompt: str, entry: ModelEntry | None, special: bool) -> str:
    """The prompt as it was typed: the model's own mask as a box, where special tokens count."""
    mask = mask_text(entry) if special and entry is not None else ""
    return prompt.replace(mask, BOX) if mask else prompt


def _like(user: Any, origin: str) -> Form:
    session = session_for(user, origin)
    return {
        "prompt": _with_boxes(session.prompt, session.model, session.special_tokens),
        "gen_length": str(session.gen_length or ""),
        "block_length": str(session.block_length if session.gen_length else ""),
        "seed": str(session.seed),
        "special_tokens": "on" if session.special_tokens else "",
        "chat": "on" if session.chat else "",
        "model": session.model.slug,
    }


def _page(request: HttpRequest, user: Any, form: Form, problem: Problem) -> HttpResponse:
    models = list(
        ModelEntry.visible_to(user)
        .filter(kind=ModelEntry.Kind.DIFFUSION)
        .exclude(state=ModelEntry.State.ABSENT)
    )
    chosen = next((m for m in models if m.slug == form.get("model")), models[0] if models else None)
    if form.get("chat") is None:
        form = {**form, "chat": _ticked(chosen)}
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
        "showcase": None if problem else showcase(),
        "adapted": None if problem else adapted(),
    }
    return render(request, "visualizer/home.html", context, status=400 if problem else 200)


def _longest(model: ModelEntry | None) -> int:
    """What the length field allows: the table's limit or the model's context."""
    limit = int(LIMITS["gen_length"].high)
    return min(limit, model.context) if model and model.context else limit


def recent(user: Any) -> list[Session]:
    """The sessions used last."""
    return list(sessions_of(user)[:RECENT])

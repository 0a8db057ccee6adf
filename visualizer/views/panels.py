"""Generate and Infill: a form, and its output in place while the model writes.

The output asks for itself again until it has ended (HTMX), so it needs no script and no socket.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from pydantic import ValidationError

from core import generation
from core.commands.ask import LOAD_WAIT_SECONDS, ask
from core.commands.field_errors import error_of
from core.http.errors import back_to
from inference.errors import UnmaskError
from inference.models import ModelEntry
from inference.remote_backends import lacks
from visualizer.api import model_list
from visualizer.api.defaults import defaults_of, keep
from visualizer.api.orders import Order, infill_order, start, text_order
from visualizer.api.requests import DEVICES, Decoding, GenerateRequest, InfillRequest
from visualizer.api.router import OFF
from visualizer.api.text_filters import TextFilter
from visualizer.commands import COMMANDS
from visualizer.commands.schemas.decisions import GAP
from visualizer.partials import model_state
from visualizer.selectors.generated import Output, generated, output_of
from visualizer.services import generations
from visualizer.views.params import decimal, whole

NUMBERS = ("max_new_tokens", "seed", "steps")
DECIMALS = ("temperature", "timeout")
FLAGS = ("auto_trim", "fix_punctuation")
LONGEST_NAME = 200


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def generate(request: HttpRequest) -> HttpResponse:
    """Continue a prompt."""
    return _panel(request, "generate")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def infill(request: HttpRequest) -> HttpResponse:
    """Fill the gaps of a text."""
    return _panel(request, "infill")


def _panel(request: HttpRequest, name: str) -> HttpResponse:
    if not settings.DIFFUSION_LLM_ENABLED:
        raise UnmaskError("model_unavailable", OFF)
    if request.method != "POST":
        return render(request, f"visualizer/{name}.html", _context(request, name))
    order = _order(request.user, request.POST, name)
    if request.POST.get("keep"):
        keep(request.user, order.asked, request.POST.get("device", "auto"))
    made = start(order)
    target = reverse("panel_run", args=[made.id])
    if not request.headers.get("HX-Request"):
        return redirect(f"{target}?{_flags(order.asked)}")
    return _output(request, output_of(request.user, made.id), order.asked)


def _order(user: Any, form: QueryDict, name: str) -> Order:
    """Raises UnmaskError naming the first field that is wrong."""
    fields = service_fields(form)
    fields |= {"seed": fields["seed"] or 0, "model": form.get("model") or None}
    try:
        if name == "infill":
            asked = InfillRequest(text=form.get("text", ""), **fields)
            return infill_order(user, asked)
        return text_order(user, GenerateRequest(prompt=form.get("prompt", ""), **fields))
    except ValidationError as error:
        problems = error.errors(include_url=False, include_input=False)
        raise error_of(problems, fields) from None


def service_fields(form: QueryDict) -> dict[str, Any]:
    """Numbers and flags of a form about generations. Raises UnmaskError naming the field."""
    fields: dict[str, Any] = {key: whole(form, key) for key in NUMBERS}
    fields |= {key: decimal(form, key) for key in DECIMALS}
    return fields | {key: form.get(key) == "on" for key in FLAGS}


def _context(request: HttpRequest, name: str) -> dict[str, Any]:
    """The form; nothing of a request is shown again, as its page stays where it is."""
    offered = model_list.offered(request.user)
    models = [one for one in offered if one.state != ModelEntry.State.ABSENT]
    own = model_list.current(request.user) if models else None
    elsewhere = own is not None and own.kind == ModelEntry.Kind.REMOTE
    return {
        "page": name,
        "models": models,
        "model": own,
        "elsewhere": elsewhere,
        "lacks": lacks(own) if own and elsewhere else (),
        "model_state": model_state(own) if own else None,
        "defaults": defaults_of(request.user),
        "devices": DEVICES,
        "gap": GAP,
    }


@login_required
@require_safe
def run(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """The output of a run of one's own, as it is now."""
    shown, asked = output_of(request.user, run_id), _asked_flags(request)
    if shown.active and _overdue(shown.created, asked.timeout):
        generation.stop(user=request.user, id=run_id)
    return _output(request, shown, asked)


def _overdue(created: datetime, timeout: float | None) -> bool:
    return timeout is not None and (timezone.now() - created).total_seconds() > timeout


@login_required
@require_POST
def stop(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """End a run of one's own; what was made stays."""
    generation.stop(user=request.user, id=run_id)
    return _output(request, output_of(request.user, run_id), Decoding())


@login_required
@require_POST
def save_run(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """Name a run of one's own: it is no draft any more."""
    row = generated(request.user, run_id)
    back_to(request, reverse("panel_run", args=[run_id]))
    name = " ".join(request.POST.get("name", "").split())
    if not 1 <= len(name) <= LONGEST_NAME:
        raise UnmaskError("validation", f"A name has 1 to {LONGEST_NAME} characters.", "name")
    generations.save(row=row, name=name)
    if not request.headers.get("HX-Request"):
        return redirect("panel_run", run_id)
    return _output(request, output_of(request.user, run_id), _asked_flags(request))


def _asked_flags(request: HttpRequest) -> Decoding:
    """What the address of an output remembers of how its text is to be shown."""
    return Decoding(
        auto_trim=request.GET.get("auto_trim") == "1",
        fix_punctuation=request.GET.get("fix_punctuation") == "1",
        timeout=defaults_of(request.user).get("timeout"),
    )


def _output(request: HttpRequest, shown: Output, asked: Decoding) -> HttpResponse:
    text_filter = TextFilter(bool(asked.auto_trim), bool(asked.fix_punctuation))
    context = {
        "shown": shown,
        "flags": _flags(asked),
        "text": text_filter.whole(shown.text) if shown.full_text is None else shown.full_text,
        "first": request.method == "POST",
    }
    whole_page = not request.headers.get("HX-Request")
    template = "generation_page.html" if whole_page else "partials/generation.html"
    return render(request, f"visualizer/{template}", context)


def _flags(asked: Decoding) -> str:
    """What the address of the output has to remember."""
    return "&".join(f"{name}=1" for name in FLAGS if getattr(asked, name))


@login_required
@require_POST
async def choose_model(request: HttpRequest) -> HttpResponse:
    """Load a model where it is wanted, make it the account's own, and go back to the panel.

    What answers on another server is loaded there.
    """
    page = "infill" if request.POST.get("page") == "infill" else "generate"
    back_to(request, reverse(page))
    user = await request.auser()
    entry = await sync_to_async(model_list.named)(request.POST.get("model", ""), user)
    if entry.kind != ModelEntry.Kind.REMOTE:
        device = request.POST.get("device", "auto")
        message = {"type": "load_model", "model_path": entry.slug, "device": device}
        await ask(COMMANDS, user, message, seconds=LOAD_WAIT_SECONDS)
    await sync_to_async(model_list.choose)(user, entry)
    return redirect(page)

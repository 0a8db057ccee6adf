"""What the account's workspaces begin with, and how they behave. Guests have a row as well: it
becomes the account's own when they sign up."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods
from pydantic import ValidationError

from accounts.models import Profile
from core.commands.field_errors import error_of
from inference.catalog import GROUPS, RANKINGS, RECIPES
from inference.errors import UnmaskError
from inference.limits import LIMITS
from visualizer.api.defaults import NAMES as SERVICE_NAMES
from visualizer.api.defaults import defaults_of as service_defaults
from visualizer.api.defaults import keep
from visualizer.api.requests import DEVICES, Decoding
from visualizer.views.fields import NumberField, number_field
from visualizer.views.panel_defaults import ANNOUNCE, account_settings, announce_of, defaults_of
from visualizer.views.panels import service_fields
from visualizer.views.params import decimal, whole

NUMBERS = (
    ("gen_length", "Length (masks)"),
    ("tokens_to_select", "Tokens/step"),
    ("softmax_temperature", "View temperature"),
    ("visual_top_k", "Candidates shown"),
    ("actual_top_k", "Selectable top-k"),
    ("top_p", "Selectable top-p"),
)
CHOICES: dict[str, Collection[str]] = {"recipe": RECIPES, "strategy": RANKINGS}


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def preferences(request: HttpRequest) -> HttpResponse:
    """The form; empty fields mean: as the model's card says."""
    problem = None
    if request.method == "POST":
        try:
            _save(request.user, request.POST)
            messages.success(request, "Saved.")
            return redirect("preferences")
        except UnmaskError as error:
            problem = error
    return render(
        request,
        "visualizer/preferences.html",
        _context(request, problem),
        status=400 if problem else 200,
    )


def _context(request: HttpRequest, problem: UnmaskError | None) -> dict[str, Any]:
    held, defaults = account_settings(request.user), defaults_of(request.user)
    shown = {**defaults, **request.POST.dict()} if problem else defaults
    return {
        "page": "account",
        "problem": problem,
        "defaults": shown,
        "fields": [_field(name, label, shown) for name, label in NUMBERS],
        "recipes": [
            (group, [(name, row) for name, row in RECIPES.items() if row.group == group])
            for group in GROUPS
        ],
        "strategies": RANKINGS.items(),
        "keys_off": held.get("keys") == "off",
        "announce": announce_of(held),
        "announce_range": ANNOUNCE,
        "service": _service_shown(request, problem),
        "devices": DEVICES,
    }


def _service_shown(request: HttpRequest, problem: UnmaskError | None) -> dict[str, Any]:
    return request.POST.dict() if problem else service_defaults(request.user)


def _field(name: str, label: str, shown: dict[str, Any]) -> tuple[NumberField, Any]:
    return number_field(name, label), shown.get(name, "")


def _save(user: Any, form: QueryDict) -> None:
    """Raises UnmaskError naming the first field that is outside its range."""
    numbers = {name: _number(form, name) for name, _ in NUMBERS if form.get(name)}
    named = {name: form[name] for name, table in CHOICES.items() if form.get(name) in table}
    flags = {"eos_last": True} if form.get("eos_last") else {}
    keep(user, _service(form), form.get("device", "auto"))
    profile = Profile.objects.get(user_id=user.pk)
    profile.settings |= {
        "defaults": {**numbers, **named, **flags},
        "keys": "off" if form.get("keys_off") else "on",
        "announce": _seconds(form),
    }
    profile.save(update_fields=["settings"])


def _service(form: QueryDict) -> Decoding:
    """What generations of the pages and of programs begin with. Raises UnmaskError."""
    fields = service_fields(form)
    given = {name: fields[name] for name in SERVICE_NAMES}
    try:
        return Decoding(**given)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_input=False)
        raise error_of(problems, given) from None


def _number(form: QueryDict, name: str) -> int | float:
    limit, value = LIMITS[name], (whole if LIMITS[name].integer else decimal)(form, name)
    if value is None or not limit.low <= value <= limit.high:
        raise UnmaskError("validation", f"{name} must be {limit.low:g} to {limit.high:g}.", name)
    return value


def _seconds(form: QueryDict) -> int:
    value = whole(form, "announce")
    if value is None or not ANNOUNCE[0] <= value <= ANNOUNCE[1]:
        low, high = ANNOUNCE
        raise UnmaskError("validation", f"The interval must be {low} to {high} s.", "announce")
    return value

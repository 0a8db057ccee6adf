"""Decide: given choices judged at the gaps of a text, and the calibration of such decisions.

What may stand in a gap is written on a line of its own: `red | green | blue`, `yes/no`, or a scale
`1..5`. A labelled example is a line `text => label`, labels of several gaps with `|` between them.
"""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from core.commands.ask import LOAD_WAIT_SECONDS, ask, ask_now
from core.http.errors import back_to
from inference.errors import UnmaskError
from inference.models import ModelEntry
from visualizer.api import model_list
from visualizer.commands import COMMANDS
from visualizer.commands.schemas.decisions import GAP
from visualizer.models import Calibration
from visualizer.selectors import calibrations as selectors
from visualizer.views.params import decimal
from visualizer.views.reliability import diagram

LISTED = 20
ARROW = "=>"
_SCALE = re.compile(r"(-?[0-9]{1,4})\s*\.\.\s*(-?[0-9]{1,4})", re.ASCII)
_TWO = re.compile(r"([^|/]+)/([^|/]+)")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
async def decide(request: HttpRequest) -> HttpResponse:
    """The form; a POST answers with the distribution, in place for HTMX."""
    user = await request.auser()
    if request.method != "POST":
        return await sync_to_async(_page)(request, user)
    message = {**_question(request.POST), **_temperature(request.POST)}
    message |= {"type": "decide", "text": _text(request.POST, "text")}
    decision = await ask(COMMANDS, user, message, seconds=LOAD_WAIT_SECONDS)
    told = {"decision": {**decision, "places": [_bars(one) for one in decision["places"]]}}
    if request.headers.get("HX-Request"):
        return render(request, "visualizer/partials/decision.html", told)
    return await sync_to_async(_page)(request, user, told)


def _question(form: QueryDict) -> dict[str, Any]:
    lines = [line for line in form.get("places", "").splitlines() if line.strip()]
    return {"model": form.get("model") or None, "places": [place_of(line) for line in lines]}


def place_of(line: str) -> dict[str, Any]:
    """What may stand in a gap, from a line of the form."""
    if scale := _SCALE.fullmatch(line.strip()):
        return {"kind": "scale", "low": int(scale[1]), "high": int(scale[2])}
    if two := _TWO.fullmatch(line):
        return {"kind": "yes_no", "yes": two[1].strip(), "no": two[2].strip()}
    return {"kind": "choices", "choices": [one.strip() for one in line.split("|")]}


def _temperature(form: QueryDict) -> dict[str, Any]:
    chosen = form.get("calibration")
    return {"calibration": chosen} if chosen else {"temperature": decimal(form, "temperature")}


def _text(form: QueryDict, name: str) -> str:
    return form.get(name, "").replace("\r\n", "\n")


def _bars(place: dict[str, Any]) -> dict[str, Any]:
    """Choices with the most probable one first; `width` in per cent."""
    rows = [{**row, "width": f"{100 * row['probability']:.2f}"} for row in place["choices"]]
    return {**place, "choices": sorted(rows, key=lambda row: -row["probability"])}


def _page(request: HttpRequest, user: Any, told: dict[str, Any] | None = None) -> HttpResponse:
    models = [one for one in model_list.offered(user) if one.state != ModelEntry.State.ABSENT]
    rows = list(selectors.calibrations(user)[:LISTED])
    context = {
        "page": "decide",
        "models": models,
        "model": model_list.current(user) if models else None,
        "gap": GAP,
        "sent": request.POST,
        "calibrations": rows,
        "fitted": [row for row in rows if row.status == Calibration.Status.DONE],
    }
    return render(request, "visualizer/decide.html", context | (told or {}))


@login_required
@require_POST
def calibrate(request: HttpRequest) -> HttpResponse:
    """Begin a calibration and go to its page."""
    back_to(request, reverse("decide"))
    form = request.POST
    lines = [line for line in _text(form, "examples").splitlines() if line.strip()]
    message = {
        **_question(form),
        "type": "calibrate",
        "name": form.get("name", ""),
        "examples": [_example(line, number) for number, line in enumerate(lines, 1)],
    }
    return redirect("calibration", ask_now(COMMANDS, request.user, message)["calibration"]["id"])


def _example(line: str, number: int) -> dict[str, Any]:
    text, arrow, labels = line.rpartition(ARROW)
    if not arrow:
        words = f"Line {number} needs the text, {ARROW} and the right answer."
        raise UnmaskError("validation", words, "examples")
    return {"text": text.rstrip(), "labels": [one.strip() for one in labels.split("|")]}


@login_required
@require_safe
def calibration(request: HttpRequest, id: UUID) -> HttpResponse:
    """One calibration; HTMX asks for its panel alone while it is at work."""
    row = selectors.calibration(request.user, id)
    done = row.status == Calibration.Status.DONE
    context = {
        "page": "decide",
        "row": row,
        "active": row.status in Calibration.ACTIVE,
        "progress": selectors.progress(row),
        "results": row.results,
        "plot": diagram(row.results) if done else None,
    }
    alone = request.headers.get("HX-Request")
    template = "partials/calibration" if alone else "calibration"
    return render(request, f"visualizer/{template}.html", context)


@login_required
@require_POST
def cancel_calibration(request: HttpRequest, id: UUID) -> HttpResponse:
    """End a calibration after the example in the making."""
    selectors.calibration(request.user, id)
    back_to(request, reverse("calibration", args=[id]))
    ask_now(COMMANDS, request.user, {"type": "cancel_calibration", "calibration": str(id)})
    return redirect("calibration", id)


@login_required
@require_POST
def delete_calibration(request: HttpRequest, id: UUID) -> HttpResponse:
    """Forget a calibration that has ended."""
    selectors.calibration(request.user, id)
    back_to(request, reverse("calibration", args=[id]))
    ask_now(COMMANDS, request.user, {"type": "delete_calibration", "calibration": str(id)})
    messages.success(request, "The calibration was deleted.")
    return redirect("decide")

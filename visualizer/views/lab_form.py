"""The form that starts a job of the Lab, and the list of jobs."""

from __future__ import annotations

from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from core.commands.ask import ask
from inference.catalog import DEFAULT_RECIPE
from inference.errors import UnmaskError
from visualizer.commands import COMMANDS
from visualizer.models import LabJob
from visualizer.selectors import lab as selectors
from visualizer.views.lab import told_job
from visualizer.views.params import number_of, whole
from visualizer.views.recipes import as_typed, fields_of_recipe, recipe_parameters, recipes

LISTED = 50
USUAL = (DEFAULT_RECIPE, "llada/random", "rank/left_to_right")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
async def lab(request: HttpRequest) -> HttpResponse:
    """The form and the list; a POST starts a job and goes to it."""
    user, problem = await request.auser(), None
    if request.method == "POST":
        try:
            return redirect("lab_job", await _start(user, request.POST))
        except UnmaskError as error:
            problem = error
    return await sync_to_async(_page)(request, user, problem)


async def _start(user: Any, form: QueryDict) -> str:
    """The id of the new job. Raises UnmaskError with the field at fault."""
    picked = form.getlist("recipes")
    own = {name: recipe_parameters(form, name, f"{name}:") for name in picked}
    message = {
        "type": "lab_start",
        "model": form.get("model", ""),
        "recipes": picked,
        "parameters": {name: held for name, held in own.items() if held},
        "steps": _numbers(form, "steps"),
        "block_lengths": _numbers(form, "block_lengths"),
        "count": _given(whole(form, "count"), 20),
        "seed": whole(form, "seed") or 0,
        "seeds": _given(whole(form, "seeds"), 1),
    }
    reply = await ask(
        COMMANDS, user, message, late="This takes a while. Look at the list in a moment."
    )
    return str(reply["job"]["id"])


def _given(value: int | None, usual: int) -> int:
    return usual if value is None else value


LISTS = {
    # field: what is measured if it is not sent, what a fault is told as
    "steps": ("", "Steps are whole numbers such as 0, 16, 8, 4."),
    "block_lengths": ("0", "Block lengths are whole numbers such as 0, 16, 32; 0 is one block."),
}


def _numbers(form: QueryDict, name: str) -> list[int]:
    """A list as typed: numbers with commas or blanks between them."""
    usual, says = LISTS[name]
    found = [number_of(word) for word in form.get(name, usual).replace(",", " ").split()]
    if None in found or not found:
        raise UnmaskError("validation", says, name)
    return [number for number in found if number is not None]


def _page(request: HttpRequest, user: Any, problem: UnmaskError | None) -> HttpResponse:
    models = selectors.lab_models()
    former = _former(request, user)
    asked = _asked(request) or (former.model.slug if former else "")
    chosen = next((m for m in models if m.slug == asked), models[0] if models else None)
    jobs = [told_job(job) for job in selectors.lab_jobs(user)[:LISTED]]
    sent = request.POST or _as_form(former)
    picked = sent.getlist("recipes") or USUAL
    context = {
        "page": "lab",
        "problem": problem,
        "models": models,
        "model": chosen,
        "recipes": recipes(chosen) if chosen else [],
        "picked": picked,
        "fields": {name: fields_of_recipe(name, f"{name}:", sent) for name in picked},
        "steps": sent.get("steps", "0, 16, 8, 4"),
        "block_lengths": sent.get("block_lengths", "0"),
        "count": sent.get("count", "20"),
        "seed": sent.get("seed", "0"),
        "seeds": sent.get("seeds", "1"),
        "jobs": jobs,
    }
    return render(request, "visualizer/lab.html", context, status=400 if problem else 200)


def _former(request: HttpRequest, user: Any) -> LabJob | None:
    """The job that is to be measured again, if the address names one."""
    id = request.GET.get("from")
    return selectors.lab_job(user, id) if id else None


def _as_form(job: LabJob | None) -> QueryDict:
    """A job as its form was sent."""
    form = QueryDict(mutable=True)
    if job is not None:
        form.setlist("recipes", job.recipes)
        for name in LISTS:
            form.update({name: ", ".join(map(str, getattr(job, name)))})
        for name in ("count", "seed", "seeds"):
            form.update({name: str(getattr(job, name))})
        for recipe, own in job.parameters.items():
            said = {name: value for name, value in own.items() if value not in (None, "")}
            form.update(
                {f"{recipe}:p_{name}": as_typed(name, value) for name, value in said.items()}
            )
    return form


def _asked(request: HttpRequest) -> str:
    return request.POST.get("model") or request.GET.get("model", "")

"""The Lab: recipes and step counts measured on a task, as jobs with a bar and a curve."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from core.commands.ask import ask
from core.http.errors import back_to
from inference.catalog import DEFAULT_RECIPE
from inference.errors import UnmaskError
from inference.models import ModelEntry
from visualizer.commands import COMMANDS
from visualizer.models import LabJob
from visualizer.records.exporter import lab_csv as rows_of
from visualizer.selectors import lab as selectors
from visualizer.selectors.run_names import run_name
from visualizer.views.curve import curve, label_of
from visualizer.views.params import number_of, whole
from visualizer.views.recipes import fields_of_recipe, recipe_parameters, recipes

LISTED = 50
STATES: dict[str, tuple[str, str]] = {
    LabJob.Status.QUEUED: ("busy", "Queued"),
    LabJob.Status.RUNNING: ("busy", "Running"),
    LabJob.Status.CANCELLED: ("warn", "Cancelled"),
    LabJob.Status.DONE: ("good", "Done"),
    LabJob.Status.FAILED: ("bad", "Failed"),
}
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
        "steps": _numbers(form.get("steps", "")),
        "count": _given(whole(form, "count"), 20),
        "seed": whole(form, "seed") or 0,
    }
    reply = await ask(
        COMMANDS, user, message, late="This takes a while. Look at the list in a moment."
    )
    return str(reply["job"]["id"])


def _given(value: int | None, usual: int) -> int:
    return usual if value is None else value


def _numbers(text: str) -> list[int]:
    """Step counts as typed: numbers with commas or blanks between them."""
    found = [number_of(word) for word in text.replace(",", " ").split()]
    if None in found or not found:
        raise UnmaskError("validation", "Steps are whole numbers such as 0, 16, 8, 4.", "steps")
    return [number for number in found if number is not None]


def _page(request: HttpRequest, user: Any, problem: UnmaskError | None) -> HttpResponse:
    models = selectors.lab_models()
    chosen = next((m for m in models if m.slug == _asked(request)), models[0] if models else None)
    jobs = [_told(job) for job in selectors.lab_jobs(user)[:LISTED]]
    sent = request.POST
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
        "count": sent.get("count", "20"),
        "seed": sent.get("seed", "0"),
        "jobs": jobs,
    }
    return render(request, "visualizer/lab.html", context, status=400 if problem else 200)


def _asked(request: HttpRequest) -> str:
    return request.POST.get("model") or request.GET.get("model", "")


def _told(job: LabJob) -> dict[str, Any]:
    """A row of the list."""
    light, words = STATES[job.status]
    entry: ModelEntry = job.model
    return {
        "job": job,
        "light": light,
        "words": words,
        "model": entry.label,
        "names": [run_name(name, job.parameters.get(name, {})) for name in job.recipes],
        "active": job.status in LabJob.ACTIVE,
        "percent": f"{100 * job.made / max(1, job.total):.0f}",
    }


@login_required
@require_safe
def lab_job(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """One job; HTMX asks for its panel alone every two seconds while it is at work."""
    job = selectors.lab_job(request.user, job_id)
    context = _told(job) | {
        "page": "lab",
        "curve": curve(job.results),
        "marks": list(dict.fromkeys(name for row in job.results for name in row["marks"])),
        "rows": [_row(row) for row in job.results],
    }
    alone = request.headers.get("HX-Request")
    return render(request, f"visualizer/{'partials/job' if alone else 'lab_job'}.html", context)


def _row(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "label": label_of(row["recipe"]), "values": list(row["marks"].values())}


@login_required
@require_safe
def lab_csv(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """The finished rows as a file for a spreadsheet."""
    job = selectors.lab_job(request.user, job_id)
    response = HttpResponse(rows_of(job), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="unmask-lab-{job.pk}.csv"'
    return response


@login_required
@require_POST
async def lab_cancel(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """End a job after the case in the making; what is measured stays."""
    user = await request.auser()
    await sync_to_async(selectors.lab_job)(user, job_id)
    back_to(request, reverse("lab_job", args=[job_id]))
    await ask(COMMANDS, user, {"type": "lab_cancel", "job": str(job_id)})
    return redirect("lab_job", job_id)

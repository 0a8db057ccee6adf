"""The Lab: recipes and step counts measured on a task, as jobs with a bar and a curve."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from core.commands.ask import LOAD_WAIT_SECONDS, ask
from core.http.errors import back_to
from inference.catalog import DEFAULT_RECIPE, RECIPES
from inference.errors import UnmaskError
from inference.models import ModelEntry
from visualizer.commands import COMMANDS
from visualizer.models import LabJob
from visualizer.records.exporter import lab_csv as rows_of
from visualizer.selectors import lab as selectors
from visualizer.selectors.run_names import run_name
from visualizer.selectors.sessions import session_for
from visualizer.services import lab as services
from visualizer.views.curve import curve, mark_label, share_of
from visualizer.views.params import number_of, whole
from visualizer.views.recipes import fields_of_recipe, pace_for, recipe_parameters, recipes

LISTED = 50
WAITS = {
    LabJob.Status.QUEUED: "The first row appears as soon as all of its cases are decoded.",
    LabJob.Status.RUNNING: "The first row appears as soon as all of its cases are decoded.",
    LabJob.Status.CANCELLED: "It was cancelled before its first row was finished.",
    LabJob.Status.FAILED: "It failed before its first row was finished.",
}
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
    former = _former(request, user)
    asked = _asked(request) or (former.model.slug if former else "")
    chosen = next((m for m in models if m.slug == asked), models[0] if models else None)
    jobs = [_told(job) for job in selectors.lab_jobs(user)[:LISTED]]
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
        "count": sent.get("count", "20"),
        "seed": sent.get("seed", "0"),
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
        form.update({"steps": ", ".join(map(str, job.steps))})
        form.update({"count": str(job.count), "seed": str(job.seed)})
        for recipe, own in job.parameters.items():
            form.update({f"{recipe}:p_{name}": str(value) for name, value in own.items()})
    return form


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
        "curve": curve(job.results, job.count),
        "marks": [mark_label(name) for name in dict.fromkeys(_marks(job))],
        "rows": [_row(row, job, n) for n, row in enumerate(job.results)],
        "waits": "" if job.results else WAITS.get(LabJob.Status(job.status), ""),
    }
    alone = request.headers.get("HX-Request")
    return render(request, f"visualizer/{'partials/job' if alone else 'lab_job'}.html", context)


def _marks(job: LabJob) -> list[str]:
    return [name for row in job.results for name in row["marks"]]


def _row(row: dict[str, Any], job: LabJob, number: int) -> dict[str, Any]:
    """A finished row: its marks, those of yes and no with the interval of their share."""
    return {
        **row,
        "number": number,
        "label": run_name(row["recipe"], job.parameters.get(row["recipe"], {})),
        "values": [share_of(name, value, job.count) for name, value in row["marks"].items()],
        "has_cases": bool(job.cases and row.get("each")),
    }


@login_required
@require_safe
def lab_cases(request: HttpRequest, job_id: UUID, row: int) -> HttpResponse:
    """The cases behind a row, each with what came of it and a button that watches it."""
    job = selectors.lab_job(request.user, job_id)
    found = _row(selectors.lab_row(job, row), job, row)
    pairs = zip(job.cases, found.get("each", []), strict=False)
    cases = [{**case, "mark": mark, "right": mark == 1.0} for case, mark in pairs]
    context = _told(job) | {"page": "lab", "row": found, "cases": cases}
    return render(request, "visualizer/lab_cases.html", context)


@login_required
@require_POST
async def lab_watch(request: HttpRequest, job_id: UUID, row: int, case: int) -> HttpResponse:
    """A session of one case with the row's settings and seed, running."""
    user = await request.auser()
    job = await sync_to_async(selectors.lab_job)(user, job_id)
    back_to(request, reverse("lab_cases", args=[job_id, row]))
    settings, prompt = selectors.lab_row(job, row), selectors.lab_case(job, case)
    started = {
        "type": "initialize",
        "model": job.model.slug,
        "title": f"{job.task}, case {case + 1}",
        **prompt,
        "gen_length": prompt["gen_length"] or None,
        "seed": job.seed + case,
    }
    reply = await ask(COMMANDS, user, started, None, LOAD_WAIT_SECONDS)
    session = await sync_to_async(session_for)(user, reply["session_id"])
    run = _run_of(settings, job, session.opened)
    await ask(COMMANDS, user, run, session, LOAD_WAIT_SECONDS)
    return redirect("workspace", session.pk)


def _run_of(row: dict[str, Any], job: LabJob, masks: int) -> dict[str, Any]:
    """The run that a row of the job measured, as a command."""
    recipe, steps = row["recipe"], row["steps"]
    pace = pace_for(recipe, -(-masks // steps) if steps else 1)
    own = dict(job.parameters.get(recipe, {}))
    if job.block_length and "block_length" in RECIPES[recipe].uses:
        own["block_length"] = job.block_length
    return {"type": "run", "recipe": recipe, "parameters": own, **pace}


@login_required
@require_POST
def lab_delete(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """Forget a job that has ended."""
    job = selectors.lab_job(request.user, job_id)
    back_to(request, reverse("lab_job", args=[job_id]))
    services.lab_delete(job=job)
    messages.success(request, "The measurement was deleted.")
    return redirect("lab")


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

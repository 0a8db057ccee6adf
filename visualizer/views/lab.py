"""A job of the Lab: its bar, curve, table and cases, its files, and a session of one case."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from core.commands.ask import LOAD_WAIT_SECONDS, ask
from core.http.errors import back_to
from inference.catalog import RECIPES
from inference.models import ModelEntry
from visualizer.commands import COMMANDS
from visualizer.models import LabJob
from visualizer.records.lab_files import lab_parquet as cases_of
from visualizer.records.tables import lab_csv as rows_of
from visualizer.selectors import lab as selectors
from visualizer.selectors.lab_comparisons import compare_rows
from visualizer.selectors.run_names import run_name
from visualizer.selectors.sessions import session_for
from visualizer.services import lab as services
from visualizer.views.curve import curve, mark_label, share_of, way_label
from visualizer.views.recipes import pace_for

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


def told_job(job: LabJob) -> dict[str, Any]:
    """A row of the list."""
    light, words = STATES[job.status]
    entry: ModelEntry = job.model
    return {
        "job": job,
        "light": light,
        "words": words,
        "model": entry.label,
        "names": [run_name(name, job.parameters.get(name, {})) for name in job.recipes],
        "blocks": _blocks_text(job.block_lengths),
        "active": job.status in LabJob.ACTIVE,
        "percent": f"{100 * job.made / max(1, job.total):.0f}",
    }


def _blocks_text(sizes: list[int]) -> str:
    """The block lengths in words; nothing where all is one block."""
    own = [str(size) for size in sizes if size]
    words = f"blocks of {', '.join(own)}" if own else ""
    return f"one block, {words}" if own and 0 in sizes else words


@login_required
@require_safe
def lab_job(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """One job; HTMX asks for its panel alone every two seconds while it is at work."""
    job = selectors.lab_job(request.user, job_id)
    compared = compare_rows(job.results, job.seeds)
    context = told_job(job) | {
        "page": "lab",
        "curve": curve(job.results, job.cases_per_row),
        "baseline": _baseline(job) if any(one.gain for one in compared) else "",
        "marks": [mark_label(name) for name in dict.fromkeys(_marks(job))],
        "rows": [
            {**_row(row, job, n), "compared": one}
            for n, (row, one) in enumerate(zip(job.results, compared, strict=True))
        ],
        "waits": "" if job.results else WAITS.get(LabJob.Status(job.status), ""),
    }
    alone = request.headers.get("HX-Request")
    return render(request, f"visualizer/{'partials/job' if alone else 'lab_job'}.html", context)


def _baseline(job: LabJob) -> str:
    """What the rows are compared with: the recipe and block length that come first."""
    recipe, size, _ = job.ways[0]
    return way_label(recipe, size)


def _marks(job: LabJob) -> list[str]:
    return [name for row in job.results for name in row["marks"]]


def _row(row: dict[str, Any], job: LabJob, number: int) -> dict[str, Any]:
    """A finished row: its marks with their intervals, as far as there are any."""
    ends = row.get("intervals", {})
    return {
        **row,
        "number": number,
        "label": run_name(row["recipe"], job.parameters.get(row["recipe"], {})),
        "values": [
            share_of(name, value, job.cases_per_row, ends.get(name))
            for name, value in row["marks"].items()
        ],
        "has_cases": bool(job.cases and row.get("each")),
    }


@login_required
@require_safe
def lab_cases(request: HttpRequest, job_id: UUID, row: int) -> HttpResponse:
    """The cases behind a row, each with what came of it and a button that watches it."""
    job = selectors.lab_job(request.user, job_id)
    found = _row(selectors.lab_row(job, row), job, row)
    pairs = zip(job.cases, found.get("each", []), strict=False)
    cases = [
        {**case, "mark": mark, "right": mark == 1.0, "seed": job.seed_of(n),
         "number": n % job.count + 1}
        for n, (case, mark) in enumerate(pairs)
    ]  # fmt: skip
    context = told_job(job) | {"page": "lab", "row": found, "cases": cases}
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
        "title": f"{job.task}, case {case % job.count + 1}",
        **prompt,
        "gen_length": prompt["gen_length"] or None,
        "seed": job.seed_of(case) + case % job.count,
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
    if row.get("block_length") and "block_length" in RECIPES[recipe].uses:
        own["block_length"] = row["block_length"]
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


def _file(content: Iterator[str] | bytes, job: LabJob, ending: str, kind: str) -> HttpResponse:
    """A download of content type `kind`, named after the job."""
    response = HttpResponse(content, content_type=kind)
    response["Content-Disposition"] = f'attachment; filename="unmask-lab-{job.pk}.{ending}"'
    return response


@login_required
@require_safe
def lab_parquet(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """Every case of the finished rows, one line each, typed."""
    job = selectors.lab_job(request.user, job_id)
    return _file(cases_of(job), job, "parquet", "application/vnd.apache.parquet")


@login_required
@require_safe
def lab_csv(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """The finished rows as a file for a spreadsheet."""
    job = selectors.lab_job(request.user, job_id)
    return _file(rows_of(job), job, "csv", "text/csv; charset=utf-8")


@login_required
@require_POST
async def lab_cancel(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """End a job after the case in the making; what is measured stays."""
    user = await request.auser()
    await sync_to_async(selectors.lab_job)(user, job_id)
    back_to(request, reverse("lab_job", args=[job_id]))
    await ask(COMMANDS, user, {"type": "lab_cancel", "job": str(job_id)})
    return redirect("lab_job", job_id)

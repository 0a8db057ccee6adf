"""/learn/: six lessons, each beside a canvas that its reader works; a question; a glossary.

Without JavaScript a lesson shows the end of each recorded run, and the question works all the same.
"""

from __future__ import annotations

from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_http_methods, require_safe

from core.http.errors import back_to
from inference.errors import UnmaskError
from inference.models import ModelEntry
from inference.registry import living_workers
from visualizer.lessons.catalog import LESSONS
from visualizer.lessons.glossary import GLOSSARY
from visualizer.lessons.lesson import Lesson, Variant
from visualizer.lessons.recordings import recorded
from visualizer.views.params import number_of
from visualizer.views.starts import start
from visualizer.views.tokens import cell_text

Run = dict[str, Any]
END = {"<|endoftext|>": "∎"}
"""Short for a cell; static/js/lessons/cells.js has the same."""


@login_required
@require_safe
def learn(request: HttpRequest) -> HttpResponse:
    """The lessons in order, and the glossary."""
    context = {"page": "learn", "lessons": LESSONS.values(), "glossary": GLOSSARY}
    return render(request, "lessons/index.html", context)


@gzip_page
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
async def lesson(request: HttpRequest, slug: str) -> HttpResponse:
    """A lesson with one of its runs; on POST the run becomes a session of one's own."""
    found = LESSONS.get(slug)
    if found is None:
        raise UnmaskError("not_found", "There is no such lesson.")
    given = request.POST if request.method == "POST" else request.GET
    variant = found.variant(given.get("variant", "")) or found.variants[0]
    if request.method == "POST":
        back_to(request, _address(found, variant))
        form = form_of(found, variant)
        return redirect(await start(await request.auser(), form, lesson_run(found, variant)))
    context = await sync_to_async(_context)(found, variant, number_of(given.get("answer")))
    return await sync_to_async(render)(request, "lessons/lesson.html", context)


def _address(lesson: Lesson, variant: Variant) -> str:
    return f"{reverse('lesson', args=[lesson.slug])}?variant={variant.name}"


def lesson_run(lesson: Lesson, variant: Variant) -> str:
    """How a start names the run that is to follow; see `starts.run_message`."""
    return f"{lesson.slug}/{variant.name}"


def form_of(lesson: Lesson, variant: Variant) -> dict[str, str]:
    """A run's example as the form of the first page sends one."""
    run, seed = run_of(lesson, variant), recorded(lesson.slug)["seed"]
    length = str(run["gen_length"] or "")
    special = "on" if run["special_tokens"] else ""
    return {
        "prompt": run["prompt"],
        "model": run["model"],
        "special_tokens": special,
        "chat": "",
        "gen_length": length,
        "block_length": length,
        "seed": str(seed),
    }


def run_of(lesson: Lesson, variant: Variant) -> Run:
    """The recorded run of a variant."""
    run: Run = recorded(lesson.slug)["variants"][variant.name]
    return run


def _context(lesson: Lesson, variant: Variant, answer: int | None) -> dict[str, Any]:
    slugs = list(LESSONS)
    at, run = slugs.index(lesson.slug), run_of(lesson, variant)
    entry = ModelEntry.objects.filter(slug=run["model"], is_shipped=True).first()
    here = entry is not None and entry.state != ModelEntry.State.ABSENT
    return {
        "page": "learn",
        "lesson": lesson,
        "number": at + 1,
        "count": len(slugs),
        "former": LESSONS[slugs[at - 1]] if at else None,
        "following": LESSONS[slugs[at + 1]] if at + 1 < len(slugs) else None,
        "variant": variant,
        "figures": _figures(lesson),
        "model": entry,
        "run": run,
        "cells": _end(run),
        "steps": len(run["drafts"]) - 1,
        "can_start": here,
        "playback": {**run, "live": live_request(lesson, variant) if here else None},
        "answer": answer,
        "choice": _choice(lesson, answer),
    }


def _choice(lesson: Lesson, answer: int | None) -> Any:
    known = answer is not None and answer < len(lesson.choices)
    return lesson.choices[answer] if known and answer is not None else None


def _figures(lesson: Lesson) -> dict[str, Any] | None:
    """What each variant solves of the measured cases; None where no answers are known."""
    told = recorded(lesson.slug).get("measured")
    if told is None:
        return None
    rows = [{"variant": one, **told["rows"][one.name]} for one in lesson.variants]
    better, worse = (lesson.variant(name) for name in lesson.tells or ())
    about = {"rows": rows, "cases": told["cases"], "shown": told["shown"] + 1}
    return about | {"better": better, "worse": worse}


def _end(run: Run) -> list[dict[str, Any]]:
    """The cells of the finished canvas."""
    wrong = set(run.get("wrong", ()))
    return [
        {"text": END.get(label) or cell_text(label), "given": bool(given), "wrong": at in wrong}
        for at, (label, given) in enumerate(run["end"])
    ]


def live_request(lesson: Lesson, variant: Variant) -> dict[str, Any] | None:
    """What the page asks of /api/diffusion for the same run; None where nobody could answer."""
    if not settings.DIFFUSION_LLM_ENABLED or not living_workers():
        return None
    run = run_of(lesson, variant)
    return {
        "model": run["model"],
        "prompt": run["prompt"],
        "special_tokens": run["special_tokens"],
        "max_new_tokens": run["gen_length"],
        "recipe": variant.recipe,
        "parameters": dict(variant.parameters),
        "seed": recorded(lesson.slug)["seed"],
    }

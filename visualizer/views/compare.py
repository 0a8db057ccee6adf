"""Two to four lines of steps side by side, of one session or several, and a form for new ones."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from asgiref.sync import sync_to_async
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from core.commands.ask import LOAD_WAIT_SECONDS, ask
from core.http.errors import back_to
from inference.catalog import card_recipe
from inference.errors import UnmaskError
from visualizer import selectors
from visualizer.commands import COMMANDS
from visualizer.models import Branch, Run, Session
from visualizer.selectors import comparison
from visualizer.selectors.comparison import Side, unlike, words_of
from visualizer.selectors.history import StateRef, end_of, head_of
from visualizer.selectors.measures import History, history_of, measures
from visualizer.selectors.pass_numbers import told_now
from visualizer.selectors.run_names import run_name
from visualizer.selectors.runs import runs_of
from visualizer.selectors.scores import checks_of, score_of
from visualizer.selectors.sessions import session_for
from visualizer.views.access import SessionAccess, session_page
from visualizer.views.cells import Cell, Look, cells
from visualizer.views.compare_settings import differing
from visualizer.views.compare_sides import NAMES, asked_sides, groups_of
from visualizer.views.params import number_of, whole
from visualizer.views.recipes import fields_of_recipe, pace_for, recipe_parameters, recipes
from visualizer.views.workspace import columns_of


@dataclass(frozen=True)
class Shown:
    """One side of the comparison as the template needs it."""

    key: str
    base: str
    title: str
    branch: Branch
    ref: StateRef
    tip: int
    snapshot: dict[str, Any]
    facts: list[tuple[str, str]]
    cells: list[Cell]
    running: bool
    side: str = ""  # as the form of judging names it


@session_page
def compare(request: HttpRequest, access: SessionAccess) -> HttpResponse:
    """The page; HTMX asks for the comparison alone while runs go on."""
    sides = asked_sides(access, request.GET.dict())
    context = access.context | {"page": "compare", **_choices(access, sides)}
    if len(sides) > 1:
        context |= _comparison(access, sides)
    alone = request.headers.get("HX-Request")
    name = "partials/comparison" if alone and len(sides) > 1 else "compare"
    return render(request, f"visualizer/{name}.html", context)


def _choices(access: SessionAccess, sides: dict[str, Side]) -> dict[str, Any]:
    """What the two forms offer."""
    session = access.session
    usual = card_recipe(session.model.card)
    first = ("llada/random", "rank/left_to_right")
    return {
        "groups": groups_of(access),
        "chosen": [(name, sides[name].ref if name in sides else None) for name in NAMES],
        "recipes": recipes(session.model),
        "picked": [
            (name, pick, fields_of_recipe(pick, f"{name}_") if pick else {})
            for name, pick in zip(NAMES, (usual, *first, ""), strict=True)
        ],
        "ref": head_of(session),
        "columns": columns_of(session.model.card),
    }


def _comparison(access: SessionAccess, asked: dict[str, Side]) -> dict[str, Any]:
    histories = [history_of(*side) for side in asked.values()]
    shown = [_shown(access, key, one) for key, one in zip(asked, histories, strict=True)]
    first = histories[0].session
    alike = not any(unlike(first, history.session) for history in histories[1:])
    return {
        "sides": _marked(shown) if alike else shown,
        "alike": alike,
        "query": urlencode({key: f"{side.ref.branch}" for key, side in asked.items()}),
        "parameters": differing(histories),
        "against": [_against(histories, shown, n) for n in range(1, len(shown))],
        "live": any(side.running for side in shown),
        "longest": max(side.tip for side in shown),
        "data": [{"key": side.key, "snapshot": side.snapshot} for side in shown],
    }


def _shown(access: SessionAccess, key: str, history: History) -> Shown:
    session, ref = history.session, history.ref
    run = runs_of(session, [ref.branch]).get(ref.branch)
    snapshot = selectors.snapshot(session, ref.branch, ref.number)
    snapshot = told_now(session, end_of(session, ref.branch), snapshot)
    tip = max([step["number"] for step in snapshot["steps"]], default=ref.number)
    own = session.pk == access.session.pk
    return Shown(
        key=key,
        base=access.base if own else reverse("workspace", args=[session.pk]),
        title="" if own else session.title,
        branch=Branch.objects.get(pk=ref.branch),
        ref=ref,
        tip=tip,
        snapshot=snapshot | {"staged": {"selections": {}}},
        facts=_facts(history, run),
        cells=cells(snapshot | {"staged": {}}, Look(ref.number, tip, folds=False)),
        side=f"{session.pk}/{ref.branch}/{ref.number}",
        running=run is not None and run["status"] in Run.ACTIVE,
    )


def _facts(history: History, run: dict[str, Any] | None) -> list[tuple[str, str]]:
    """What the line amounts to, in words; unknown figures are left out."""
    found, score = measures(history), score_of(history.session, history.canvas)
    rows = [
        ("Run", run["status"] if run else None),
        ("Steps", found["steps"]),
        ("Tokens per forward", found["tokens_per_forward"]),
        ("Mean confidence", found["mean_confidence"]),
        ("Mean entropy (nats)", found["mean_entropy"]),
        ("Left to right (τ)", found["kendall_tau"]),
        ("Time (ms)", f"{found['milliseconds']:.0f}" if found["milliseconds"] else None),
        ("Still masked", found["masked"] or None),
    ]
    checks = checks_of(score["marks"]) if score else []
    told = [(name, _short(value)) for name, value in rows if value is not None]
    return [*told, *((check.label, check.value) for check in checks)]


def _short(value: Any) -> str:
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def _marked(sides: list[Shown]) -> list[Shown]:
    """Cells where two sides have written different tokens are boxed."""
    written: dict[int, set[int]] = {}
    for side in sides:
        for slot, token, *_ in side.snapshot["slots"]:
            if token != side.snapshot["session"]["mask_id"]:
                written.setdefault(slot, set()).add(token)

    def look(cell: Cell) -> Cell:
        alike = len(written.get(cell.slot, ())) < 2
        return cell if alike else replace(cell, names=f"{cell.names} differs")

    return [replace(side, cells=[look(cell) for cell in side.cells]) for side in sides]


def _against(histories: list[History], sides: list[Shown], n: int) -> dict[str, Any]:
    """The first side against another one: agreement, first divergence, words."""
    one, two = histories[0], histories[n]
    told = {"keys": (sides[0].key, sides[n].key), "base": sides[n].base}
    if differs := unlike(one.session, two.session):
        return told | {"unlike": differs, "words": words_of(one, two)}
    found = comparison.compare_branches(Side(one.session, one.ref), Side(two.session, two.ref))
    return told | {
        "total": len(found["positions"]),
        "counts": found["counts"],
        "divergence": found["first_divergence"],
        "branch": sides[n].ref.branch,
        "words": found["words"],
    }


@login_required
@require_POST
async def start_runs(request: HttpRequest, session_id: UUID) -> HttpResponse:
    """Start two to four recipes from the shown step; go to their comparison."""
    user = await request.auser()
    session = await sync_to_async(session_for)(user, session_id)
    back_to(request, reverse("compare", args=[session.pk]))
    reply = await _queue(user, session, request.POST.dict())
    pairs = zip(NAMES, reply["branches"], strict=False)
    query = urlencode({name: branch["id"] for name, branch in pairs})
    return redirect(f"{reverse('compare', args=[session.pk])}?{query}")


async def _queue(user: Any, session: Session, form: dict[str, str]) -> dict[str, Any]:
    """The reply of compare_runs, from the asked step on."""
    count = whole(form, "tokens_to_select")
    picked = [(key, form[f"recipe_{key}"]) for key in NAMES if form.get(f"recipe_{key}")]
    chosen = [_choice(form, key, recipe, count) for key, recipe in picked]
    message = {"type": "compare_runs", "recipes": chosen}
    start = {"type": "rewind", "step": whole(form, "step") or 0}
    await ask(COMMANDS, user, start, session)
    return await ask(COMMANDS, user, message, session, LOAD_WAIT_SECONDS)


def _choice(form: dict[str, str], key: str, recipe: str, count: int | None) -> dict[str, Any]:
    """One side's recipe with its parameters; its branch is named by them."""
    own = recipe_parameters(form, recipe, f"{key}_")
    name = run_name(recipe, own)
    return {"recipe": recipe, "name": name, "parameters": own, **pace_for(recipe, count)}


@login_required
@require_POST
async def judge(request: HttpRequest, session_id: UUID) -> HttpResponse:
    """The sides' texts judged by an autoregressive model: a table for HTMX, a page without it."""
    user = await request.auser()
    session = await sync_to_async(session_for)(user, session_id)
    back_to(request, reverse("compare", args=[session.pk]))
    sides = [_side(text) for text in request.POST.getlist("side")]
    message = {"type": "judge", "sides": sides}
    told = await ask(COMMANDS, user, message, None, LOAD_WAIT_SECONDS)
    rows = zip(NAMES, told["texts"], strict=False)
    context = {"page": "compare", "session": session, "judge": told["judge"], "rows": list(rows)}
    alone = request.headers.get("HX-Request")
    name = "partials/judgement" if alone else "judgement"
    return await sync_to_async(render)(request, f"visualizer/{name}.html", context)


def _side(text: str) -> dict[str, Any]:
    """A side as the form names it: session, branch and step with slashes between."""
    session, _, rest = text.partition("/")
    numbers = [number_of(part) for part in rest.split("/")]
    if len(numbers) != 2 or None in numbers:
        raise UnmaskError("validation", "A side is session/branch/step.", "sides")
    return {"session_id": session, "branch": numbers[0], "step": numbers[1]}

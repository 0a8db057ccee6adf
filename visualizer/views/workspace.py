"""The workspace: one session, looked at in one of its states."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db.models import Max
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.gzip import gzip_page

from visualizer import selectors
from visualizer.models import Branch, Note, Run, Session
from visualizer.partials import branch_panel, model_state, run_state, staged_by, staged_rows
from visualizer.selectors.history import StateRef, end_of
from visualizer.selectors.notes import notes_on
from visualizer.selectors.pass_numbers import told_now
from visualizer.selectors.presets import presets_of
from visualizer.selectors.readers import Holder
from visualizer.selectors.scores import checks_at
from visualizer.services.sharing import mark_used
from visualizer.views.access import SessionAccess, session_page
from visualizer.views.buttons import REASONS, Situation, buttons
from visualizer.views.cells import Look, cells, rows
from visualizer.views.fields import number_field, panel_fields, strategies
from visualizer.views.inspector import can_edit, inspector
from visualizer.views.keymap import KEYMAP
from visualizer.views.methods import anchor_of
from visualizer.views.panel_defaults import behaviour_of, chosen_settings, from_preset
from visualizer.views.params import position_of, state_ref
from visualizer.views.recipes import options_of, parameter_fields, recipes, sentence_of, suitable
from visualizer.views.status import has_pass, status_line
from visualizer.views.steps import asked_count

VIEWS = (("cells", "Cells"), ("text", "Text"), ("overview", "Overview"), ("table", "Table"))
COLOURS = (
    ("confidence", "confidence"),
    ("entropy", "entropy"),
    ("margin", "margin"),
    ("step", "step of writing"),
    ("chosen", "who chose"),
    ("none", "nothing"),
)


@gzip_page
@session_page
def workspace(request: HttpRequest, access: SessionAccess) -> HttpResponse:
    """The page; without JavaScript every link and form of it works by itself."""
    session = access.session
    if isinstance(access.reader, Holder):
        mark_used(access.reader)
    ref = state_ref(session, request.GET.get("branch"), request.GET.get("step"))
    pos = position_of(request.GET.get("pos"))
    snapshot = selectors.snapshot(session, ref.branch, ref.number)
    snapshot = told_now(session, end_of(session, ref.branch), snapshot)
    look = look_from(request, ref, _tip(snapshot))
    context = access.context | _canvas(snapshot, look, ref, pos, access.read_only)
    context |= _panels(request, access, snapshot, ref)
    context |= inspector(session, ref, pos, asked_count(request))
    context["checks"] = checks_at(session, ref)
    context |= _notes(session, ref, context["look"].tip)
    return render(request, "visualizer/workspace.html", context)


def _notes(session: Session, ref: StateRef, tip: int) -> dict[str, Any]:
    """The notes of the shown line, and that of the shown step."""
    notes = notes_on(session, StateRef(ref.branch, tip))
    own = next((note.text for note in notes if note.number == ref.number), "")
    return {"notes": notes, "own_note": own, "longest_note": Note.LONGEST}


def look_from(request: HttpRequest, ref: StateRef, tip: int) -> Look:
    """View and colours from the address; unknown names mean the first."""
    view, colour = request.GET.get("view", ""), request.GET.get("colour", "")
    return Look(
        ref.number,
        tip,
        view if view in dict(VIEWS) else VIEWS[0][0],
        colour if colour in dict(COLOURS) else COLOURS[0][0],
        position_of(request.GET.get("pos")),
    )


def _tip(snapshot: dict[str, Any]) -> int:
    numbers: list[int] = [step["number"] for step in snapshot["steps"]]
    here: int = snapshot["head"]["number"]
    return max(here, *numbers, 0)


def _canvas(
    snapshot: dict[str, Any], look: Look, ref: StateRef, pos: int | None, read_only: bool
) -> dict[str, Any]:
    here = f"branch={ref.branch}&step={ref.number}"
    if (look.view, look.colour) != (VIEWS[0][0], COLOURS[0][0]):
        here += f"&view={look.view}&colour={look.colour}"
    return {
        "number": snapshot["number"],
        "look": look,
        "here": here,
        "pos": pos,
        "cells": (shown := cells(snapshot, look)),
        "size": size_of(len(shown)),
        "table": rows(snapshot) if look.view == "table" else [],
        "prev": max(0, look.number - 1),
        "next": min(look.tip, look.number + 1),
        "steps": snapshot["steps"],
        "answer": snapshot["session"]["answer"],
        "surplus": any(op.get("surplus") for step in snapshot["steps"] for op in step["ops"]),
        "status": status_line(snapshot, look, read_only),
        "views": VIEWS,
        "colours": COLOURS,
        "bins": range(6),
    }


def next_seed(session: Session) -> int:
    """A seed that no run of the session has had: the one after the highest."""
    highest = Run.objects.filter(session=session).aggregate(highest=Max("seed"))["highest"]
    return int(max(session.seed, highest or 0) + 1) % 2**53


def columns_of(card: dict[str, Any]) -> int:
    """The width of a grid puzzle whose examples name their rows; 0 for running text."""
    count = next((row["rows"] for row in card.get("examples", []) if "rows" in row), 0)
    return int(card.get("context", 0)) // int(count) if count else 0


SIZES = ((72, "large"), (110, "medium"), (140, "dense"))
"""Cells up to which each size fits."""


def size_of(count: int) -> str:
    """As large as lets all of them stand above the fold at 1440 x 900, up to some 250 cells."""
    return next((size for most, size in SIZES if count <= most), "fine")


def _panels(
    request: HttpRequest, access: SessionAccess, snapshot: dict[str, Any], ref: StateRef
) -> dict[str, Any]:
    """What stands around the tokens."""
    session = access.session
    own = [] if access.read_only else presets_of(request.user)
    presets = {row.name: row.values for row in own}
    name = request.GET.get("preset", "")
    user = AnonymousUser() if access.read_only else request.user
    chosen = chosen_settings(user, session) | from_preset(presets.get(name, {}), session)
    return {
        "columns": columns_of(session.model.card),
        "edits": can_edit(session),
        "next_seed": {"value": next_seed(session), "high": 2**53 - 1},
        "opened": sum(not row[4] for row in snapshot["slots"]),
        "branch": Branch.objects.get(pk=ref.branch),
        "ref": ref,
        **_actions(access, snapshot, ref),
        **branch_panel(snapshot["branches"], ref.branch),
        "model_state": model_state(session.model),
        "run_state": run_state(snapshot["run"], session.model_id),
        "presets": [{"name": known} for known in presets],
        "preset_values": presets,
        "preset_name": name,
        **behaviour_of(request.user),
        **_settings(session, chosen),
        "keymap": KEYMAP,
    }


def _actions(access: SessionAccess, snapshot: dict[str, Any], ref: StateRef) -> dict[str, Any]:
    """What is staged, and which buttons can be pressed."""
    staged, run = staged_rows(snapshot["staged"]), snapshot["run"]
    now = Situation(
        running=bool(run) and run["status"] in Run.ACTIVE,
        masked=sum(row.masked for row in rows(snapshot)),
        has_pass=has_pass(snapshot, ref.number),
        staged=len(staged),
        read_only=access.read_only,
    )
    return {
        "staged": staged,
        "staged_by": staged_by(snapshot["staged"]),
        "buttons": buttons(now),
        "reasons": REASONS,
    }


def _settings(session: Session, chosen: dict[str, Any]) -> dict[str, Any]:
    """Settings as fields, strategies and recipes with theirs."""
    strategy, recipe = chosen["strategy"], chosen["recipe"]
    return {
        "fields": panel_fields(chosen),
        "pace": number_field("tokens_to_select", "Tokens/step", chosen["tokens_to_select"]),
        "chosen": chosen,
        "strategies": strategies(),
        "strategy": strategy,
        "strategy_sentence": sentence_of(strategy),
        "recipes": recipes(session.model),
        "recipe": recipe,
        "recipe_sentence": sentence_of(recipe),
        "recipe_anchor": anchor_of(recipe),
        "parameters": parameter_fields(suitable(session.model), recipe, chosen["parameters"]),
        "own_pace": "tokens_per_step" not in options_of(recipe),
    }

"""The workspace: one session, looked at from one place."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from visualizer import selectors
from visualizer.models import Branch
from visualizer.partials import branch_panel, model_state, run_state, staged_rows
from visualizer.selectors.history import Place
from visualizer.selectors.presets import presets_of
from visualizer.selectors.readers import Holder
from visualizer.services.sharing import mark_used
from visualizer.views.actions import REASONS, Situation, buttons
from visualizer.views.cells import Look, cells, rows
from visualizer.views.choices import behaviour_of, chosen_settings, from_preset
from visualizer.views.fields import number_field, panel_fields, recipes, sentence_of, strategies
from visualizer.views.inspector import inspector
from visualizer.views.keymap import KEYMAP
from visualizer.views.places import place_of, position_of
from visualizer.views.positions import asked_count
from visualizer.views.reading import Seen, for_readers

VIEWS = (("cells", "Cells"), ("text", "Text"), ("table", "Table"))
COLOURS = (
    ("confidence", "confidence"),
    ("entropy", "entropy"),
    ("margin", "margin"),
    ("step", "step of writing"),
    ("chosen", "who chose"),
    ("none", "nothing"),
)
FIRST = "Press Forward pass to see what the model expects."
NEXT = "Choose a token to see its candidates, or press Auto-select."


@for_readers
def workspace(request: HttpRequest, seen: Seen) -> HttpResponse:
    """The page; without JavaScript every link and form of it works by itself."""
    session = seen.session
    if isinstance(seen.reader, Holder):
        mark_used(seen.reader)
    place = place_of(session, request.GET.get("branch"), request.GET.get("step"))
    pos = position_of(request.GET.get("pos"))
    snapshot = selectors.snapshot(session, place.branch, place.number)
    look = look_from(request, place, _tip(snapshot))
    context = seen.context | _canvas(snapshot, look, place, pos, seen.read_only)
    context |= _panels(request, seen, snapshot, place)
    context |= inspector(session, place, pos, asked_count(request))
    return render(request, "visualizer/workspace.html", context)


def look_from(request: HttpRequest, place: Place, tip: int) -> Look:
    """View and colours from the address; unknown names mean the first."""
    view, colour = request.GET.get("view", ""), request.GET.get("colour", "")
    return Look(
        place.number,
        tip,
        view if view in dict(VIEWS) else VIEWS[0][0],
        colour if colour in dict(COLOURS) else COLOURS[0][0],
    )


def _tip(snapshot: dict[str, Any]) -> int:
    numbers: list[int] = [step["number"] for step in snapshot["steps"]]
    here: int = snapshot["head"]["number"]
    return max(here, *numbers, 0)


def _canvas(
    snapshot: dict[str, Any], look: Look, place: Place, pos: int | None, read_only: bool
) -> dict[str, Any]:
    here = f"branch={place.branch}&step={place.number}"
    if (look.view, look.colour) != (VIEWS[0][0], COLOURS[0][0]):
        here += f"&view={look.view}&colour={look.colour}"
    return {
        "snapshot": snapshot,
        "look": look,
        "here": here,
        "pos": pos,
        "cells": (shown := cells(snapshot, look)),
        "size": size_of(len(shown)),
        "table": rows(snapshot) if look.view == "table" else [],
        "prev": max(0, look.number - 1),
        "next": min(look.tip, look.number + 1),
        "steps": snapshot["steps"],
        "status": status_line(snapshot, look, read_only),
        "views": VIEWS,
        "colours": COLOURS,
        "bins": range(6),
    }


def columns_of(card: dict[str, Any]) -> int:
    """The width of a grid puzzle whose examples name their rows; 0 for running text."""
    count = next((row["rows"] for row in card.get("examples", []) if "rows" in row), 0)
    return int(card.get("context", 0)) // int(count) if count else 0


def size_of(count: int) -> str:
    """Few tokens get large cells."""
    return "large" if count <= 130 else "dense" if count > 320 else "medium"


def status_line(snapshot: dict[str, Any], look: Look, read_only: bool = False) -> str:
    """One sentence on the shown step; static/js/status.js says the same."""
    masked = sum(row.masked for row in rows(snapshot))
    step = next((s for s in snapshot["steps"] if s["number"] == look.number), None)
    if step is None:
        passed = str(look.number) in snapshot["forwards"]
        hint = "" if read_only else f" {NEXT if passed else FIRST}"
        return f"Start: {masked} masked.{hint}"
    written = sum(op["op"] in ("commit", "edit") for op in step["ops"])
    time = f", {step['ms']:.0f} ms" if step["ms"] else ""
    return f"Step {look.number} of {look.tip}: {written} written, {masked} masked{time}."


def _panels(
    request: HttpRequest, seen: Seen, snapshot: dict[str, Any], place: Place
) -> dict[str, Any]:
    session = seen.session
    staged = staged_rows(snapshot["staged"])
    run = snapshot["run"]
    now = Situation(
        running=bool(run) and run["status"] in ("queued", "running"),
        masked=sum(row.masked for row in rows(snapshot)),
        has_pass=str(place.number) in snapshot["forwards"],
        staged=len(staged),
        read_only=seen.read_only,
    )
    chosen = chosen_settings(AnonymousUser() if seen.read_only else request.user, session)
    own = [] if seen.read_only else presets_of(request.user)
    presets = {row.name: row.values for row in own}
    name = request.GET.get("preset", "")
    chosen |= from_preset(presets.get(name, {}), session)
    strategy, recipe = chosen["strategy"], chosen["recipe"]
    return {
        "columns": columns_of(session.model.card),
        "opened": sum(not row[4] for row in snapshot["slots"]),
        "branch": Branch.objects.get(pk=place.branch),
        "place": place,
        "staged": staged,
        "buttons": buttons(now),
        "reasons": REASONS,
        **branch_panel(snapshot["branches"], place.branch),
        "model_state": model_state(session.model),
        "run_state": run_state(run),
        "fields": panel_fields(chosen),
        "pace": number_field("tokens_to_select", "Tokens/step", "1", chosen["tokens_to_select"]),
        "chosen": chosen,
        "presets": [{"name": known} for known in presets],
        "preset_values": presets,
        "preset_name": name,
        **behaviour_of(request.user),
        "strategies": strategies(),
        "strategy": strategy,
        "strategy_sentence": sentence_of(strategy),
        "recipes": recipes(session.model),
        "recipe": recipe,
        "recipe_sentence": sentence_of(recipe),
        "keymap": KEYMAP,
    }

"""/methods/: what each decoding method does, from the catalogue of recipes."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from inference.catalog import GROUPS, RECIPES, Parameter, RecipeEntry

NEEDS = {
    "same": "rows that predict their own place",
    "next_block": "blocks whose last row predicts the next place",
    "own_masks": "a visibility of its own",
    "edits": "tokens that expand and delete",
    "uniform": "noise instead of masks",
}
"""What only some models have, in words; a mask token nearly all do."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A parameter as the page tells it."""

    label: str
    sentence: str
    default: str
    range: str


@dataclass(frozen=True, slots=True)
class Method:
    """A recipe: its name for programs, what it reads, and what a model must have for it."""

    name: str
    anchor: str
    row: RecipeEntry
    readings: list[Reading]
    needs: list[str]


def anchor_of(name: str) -> str:
    """The recipe's name as the fragment of an address."""
    return name.replace("/", "-")


@login_required
@require_safe
def methods(request: HttpRequest) -> HttpResponse:
    """All decoding methods by group."""
    groups = [
        (group, [_method(name, row) for name, row in RECIPES.items() if row.group == group])
        for group in GROUPS
    ]
    return render(request, "visualizer/methods.html", {"page": "learn", "groups": groups})


def _method(name: str, row: RecipeEntry) -> Method:
    readings = [_reading(parameter) for parameter in row.parameters()]
    needs = [NEEDS[trait] for trait in NEEDS if trait in row.needs]
    return Method(name, anchor_of(name), row, readings, needs)


def _reading(row: Parameter) -> Reading:
    default = "none" if row.default in (None, "") else str(row.default)
    if row.kind == "flag":
        return Reading(row.label, row.sentence, "on" if row.default else "off", "on, off")
    if row.kind == "choice":
        return Reading(row.label, row.sentence, default, ", ".join(row.choices))
    if row.kind == "text":
        return Reading(row.label, row.sentence, default, f"up to {row.high:g} characters")
    return Reading(row.label, row.sentence, default, f"{_number(row.low)} to {_number(row.high)}")


def _number(value: float) -> str:
    return f"{int(value):,}" if value == int(value) else f"{value:g}"

"""Recipes on pages, from the catalogue: which suit a model, and the fields of each."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from inference.catalog import GROUPS, PARAMETERS, RANKINGS, RECIPES, Parameter, recipes_offered
from inference.catalog.card import ELSEWHERE, PACE
from inference.catalog.recipe import GRAMMAR
from inference.errors import UnmaskError
from inference.models import ModelEntry
from visualizer.views.params import decimal, whole

COMMON = ("temperature", "eos_last", "stop_at_end")
MORE = (
    "top_p",
    "top_k",
    "cfg_scale",
    "logits_eos_inf",
    "confidence_eos_eot_inf",
    *GRAMMAR,
    "official",
)
"""What nearly every recipe reads and few people set."""
USUALLY_ON = frozenset(
    name
    for name, row in PARAMETERS.items()
    if row.kind == "flag"
    and (row.default or any(one.defaults.get(name) for one in RECIPES.values()))
)
"""Flags that are on unless they are switched off: a box that is not ticked says nothing."""
OFF = "off"
Form = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RecipeChoice:
    """One recipe of a list: its text, the parameters that it reads, its own defaults (JSON)."""

    name: str
    label: str
    sentence: str
    options: str
    defaults: str


@dataclass(frozen=True, slots=True)
class ParameterField:
    """The input of a parameter. `default` and `value` as text; an empty value means the default."""

    parameter: Parameter
    key: str
    default: str
    value: Any
    shown: bool

    @property
    def kind(self) -> str:
        """How it is asked for: the parameter's kind, or a switch for a flag that is usually on."""
        return "switch" if self.parameter.name in USUALLY_ON else self.parameter.kind

    @property
    def step(self) -> str:
        return "1" if self.parameter.kind == "integer" else "any"

    @property
    def help(self) -> str:
        """The sentence, with the range of a number."""
        row = self.parameter
        numbers = f" ({row.low:g} to {row.high:g})" if row.kind in ("integer", "number") else ""
        return f"{row.sentence[:1].upper()}{row.sentence[1:]}{numbers}."


def suitable(entry: ModelEntry) -> list[str]:
    """Names of the recipes to offer for a model, in the catalogue's order.

    The family column holds a family's name or the `model_type` of the model's config. What the
    model's card names is among them: it was measured with this model.
    """
    offered = {*recipes_offered(entry.family, edits=_expands(entry)), _usual(entry)}
    return [name for name in RECIPES if name in offered]


def _expands(entry: ModelEntry) -> bool:
    """Does the model know an expand token? Its card or its published name says so."""
    return _usual(entry) == "dreamon" or "dreamon" in entry.slug.lower()


def _usual(entry: ModelEntry) -> str:
    return str(entry.card.get("decoding", {}).get("recipe", ""))


def recipes(entry: ModelEntry) -> list[tuple[str, list[RecipeChoice]]]:
    """Groups of the automatic recipes that suit a model."""
    groups: dict[str, list[RecipeChoice]] = {name: [] for name in GROUPS}
    for name in suitable(entry):
        row, own = RECIPES[name], {key: _text(held) for key, held in RECIPES[name].defaults.items()}
        options = " ".join(options_of(name))
        choice = RecipeChoice(name, row.label, row.sentence, options, json.dumps(own))
        groups[row.group].append(choice)
    return [(group, rows) for group, rows in groups.items() if rows]


def sentence_of(name: str) -> str:
    """The sentence about a ranking or recipe."""
    row = RANKINGS.get(name) or RECIPES.get(name)
    return row.sentence if row else ""


def options_of(recipe: str) -> tuple[str, ...]:
    """Names of the fields that a recipe reads; none for a name that is not known."""
    row = RECIPES.get(recipe)
    if row is None:
        return ()
    pace = () if row.own_pace else ("tokens_per_step",)
    return (*(name for name in row.uses if name not in ELSEWHERE), *pace)


def parameter_fields(
    names: Iterable[str], recipe: str, values: Mapping[str, Any], prefix: str = ""
) -> dict[str, list[ParameterField]]:
    """Group ("common", "own", "more") → fields of all parameters that any of the recipes reads.

    Those that `recipe` reads are shown, with its defaults; `values` are what has been set.
    """
    read = {option for name in names for option in options_of(name)} - {*PACE}
    defaults = {**RECIPES[recipe].defaults} if recipe in RECIPES else {}
    shown = options_of(recipe)
    found: dict[str, list[ParameterField]] = {"common": [], "own": [], "more": []}
    for name, row in PARAMETERS.items():
        if name in read:
            default = _text(defaults.get(name, row.default))
            value = _shown(row, values.get(name))
            field = ParameterField(row, f"{prefix}p_{name}", default, value, name in shown)
            found[_group(name)].append(field)
    return found


def fields_of_recipe(
    name: str, prefix: str = "", form: Form | None = None
) -> dict[str, list[ParameterField]]:
    """The fields of one recipe, all shown, with what a form that is shown again holds."""
    held = {key: (form or {}).get(f"{prefix}p_{key}") for key in PARAMETERS}
    return parameter_fields([name], name, held, prefix)


@require_safe
def recipe_fields(request: HttpRequest) -> HttpResponse:
    """The fields of the recipe that an input names now, for HTMX; none if it names none.

    `key` is the input's name, `prefix` what the names of the fields begin with.
    """
    name, prefix = request.GET.get(request.GET.get("key", ""), ""), request.GET.get("prefix", "")
    fields = fields_of_recipe(known_recipe(name), prefix[:80]) if name else {}
    return render(request, "visualizer/fragments/parameters.html", {"parameters": fields})


def _group(name: str) -> str:
    return "common" if name in COMMON else "more" if name in MORE else "own"


def as_typed(name: str, value: Any) -> str:
    """A parameter's value as its field sends it: nothing for a box that is not ticked."""
    if value is False:
        return OFF if name in USUALLY_ON else ""
    return str(value)


def _shown(row: Parameter, value: Any) -> Any:
    if row.name in USUALLY_ON:
        return OFF if value is False or value == OFF else ""
    return bool(value) if row.kind == "flag" else _text(value)


def _text(value: Any) -> str:
    """A value as an input holds it; nothing for a default that is none."""
    if value is None or isinstance(value, bool):
        return ""
    return f"{value:g}" if isinstance(value, float) else str(value)


def recipe_parameters(form: Form, recipe: str, prefix: str = "") -> dict[str, Any]:
    """What a form sets of a recipe's parameters: those that it reads, empty fields left out.

    Raises UnmaskError naming the first field that is no number; ranges are checked by the command.
    """
    values = {
        name: _reader(name)(form, f"{prefix}p_{name}")
        for name in options_of(recipe)
        if name not in PACE
    }
    return {name: value for name, value in values.items() if value not in (None, "")}


def _reader(name: str) -> Callable[[Form, str], Any]:
    return _switch if name in USUALLY_ON else _READERS[PARAMETERS[name].kind]


def _flag(form: Form, key: str) -> bool | None:
    return True if form.get(key) else None


def _switch(form: Form, key: str) -> bool | None:
    return False if form.get(key) == OFF else None


def _typed(form: Form, key: str) -> str:
    return str(form.get(key) or "")


_READERS = {
    "integer": whole,
    "number": decimal,
    "flag": _flag,
    "choice": _typed,
    "text": _typed,
}


def pace_for(recipe: str, count: int | None) -> dict[str, int]:
    """The field tokens_per_step of a message that starts this recipe, where it has a place."""
    row = RECIPES.get(recipe)
    return {"tokens_per_step": count} if count and row and not row.own_pace else {}


def known_recipe(name: str) -> str:
    """The name, if the catalogue has it. Raises UnmaskError (not_found)."""
    if name not in RECIPES:
        raise UnmaskError("not_found", f"There is no recipe {name[:60]}.", "recipe")
    return name

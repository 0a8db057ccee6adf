"""What a generation asks of its recipe, checked against the catalogue before anything is stored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.generation import Settings
from inference.catalog import RECIPES, card_recipe
from inference.engine.decoding.params import checked
from inference.engine.errors import EngineError
from inference.errors import UnmaskError

DRAWING = ("temperature", "top_p", "top_k")
OWN_PACE = "{} sets its own pace, by a threshold or a bound. Leave tokens_per_step out."


def check_recipe(card: Mapping[str, Any], settings: Settings) -> None:
    """Raises UnmaskError naming the recipe or the parameter that no run could have.

    What depends on the canvas or the tokenizer (a grammar, a length) is seen by the worker.
    """
    name = settings.recipe or card_recipe(card)
    if name not in RECIPES:
        raise UnmaskError("validation", f"Unknown recipe {name!r}. {_known()}", "recipe")
    row = RECIPES[name]
    given = {one: getattr(settings, one) for one in (*DRAWING, *(("steps",) * row.own_pace))}
    asked = {one: value for one, value in given.items() if value is not None}
    try:
        checked({**asked, **settings.parameters}, row.defaults, row.uses)
    except EngineError as error:
        raise UnmaskError(error.kind, error.message, error.field) from error
    if row.own_pace and settings.tokens_per_step is not None:
        raise UnmaskError("validation", OWN_PACE.format(name), "tokens_per_step")


def _known() -> str:
    return f"Known: {', '.join(RECIPES)}."

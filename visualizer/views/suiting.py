"""What the catalogue says of recipes, for a model's row and for the options of the run panel."""

from __future__ import annotations

from inference.catalog import RECIPES, recipes_offered
from inference.models import ModelEntry

OPTIONS = ("temperature", "eos_last", "stop_at_end")
"""Options of the run panel that are a recipe's parameters of the same name."""


def suitable(entry: ModelEntry) -> list[str]:
    """Names of the recipes to offer for a model, in the catalogue's order.

    The family column holds a family's name or the `model_type` of the model's config.
    """
    return recipes_offered(entry.family, edits=_expands(entry))


def _expands(entry: ModelEntry) -> bool:
    """Does the model know an expand token? Its card or its published name says so."""
    usual = entry.card.get("decoding", {}).get("recipe")
    return usual == "dreamon" or "dreamon" in entry.slug.lower()


def options_of(recipe: str) -> tuple[str, ...]:
    """The options of the run panel that a recipe reads; none for a name that is not known."""
    row = RECIPES.get(recipe)
    if row is None:
        return ()
    pace = () if row.own_pace else ("tokens_per_step",)
    return (*(name for name in OPTIONS if name in row.uses), *pace)


def pace_for(recipe: str, count: int | None) -> dict[str, int]:
    """The field tokens_per_step of a message that starts this recipe, where it has a place."""
    row = RECIPES.get(recipe)
    return {"tokens_per_step": count} if count and row and not row.own_pace else {}

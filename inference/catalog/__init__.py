"""What can be chosen by name. Nothing of the engine is imported: `resolve` does, when asked.

One table for page, validation, Compare, Lab, docs and tests: families, recipes with their
parameters, the parts of recipes, and the orders of the JSON protocol.
"""

from __future__ import annotations

from inference.catalog.card import card_parameters, card_recipe
from inference.catalog.entry import Entry, resolve
from inference.catalog.families import FAMILIES, family_of
from inference.catalog.parameters import PARAMETERS, Parameter
from inference.catalog.parts import DRAWS, QUOTAS, RANKINGS, SCORES
from inference.catalog.recipe import RecipeEntry
from inference.catalog.recipes import DEFAULT_RECIPE, GROUPS, RECIPES, recipes_for, recipes_offered

__all__ = [
    "DEFAULT_RECIPE",
    "DRAWS",
    "FAMILIES",
    "GROUPS",
    "PARAMETERS",
    "QUOTAS",
    "RANKINGS",
    "RECIPES",
    "SCORES",
    "Entry",
    "Parameter",
    "RecipeEntry",
    "card_parameters",
    "card_recipe",
    "family_of",
    "recipes_for",
    "recipes_offered",
    "resolve",
]

"""The settings in which the sides of a comparison differ, by the names of the forms."""

from __future__ import annotations

from typing import Any

from inference.catalog import PARAMETERS
from visualizer.selectors.comparison import settings_of
from visualizer.selectors.measures import History
from visualizer.selectors.run_names import recipe_label

SETTINGS = {
    "model": "Model",
    "seed": "Seed",
    "gen_length": "Length (masks)",
    "block_length": "Block",
    "recipe": "Decoding method",
}


def differing(histories: list[History]) -> list[tuple[str, list[Any]]]:
    """Settings in which the sides are not all alike."""
    settings = [_in_words(settings_of(history)) for history in histories]
    names = dict.fromkeys(name for row in settings for name in row)
    rows = [(name, [row.get(name) for row in settings]) for name in names]
    unlike = [(name, values) for name, values in rows if any(v != values[0] for v in values)]
    return [(SETTINGS.get(name) or _label(name), values) for name, values in unlike]


def _label(name: str) -> str:
    return PARAMETERS[name].label if name in PARAMETERS else name


def _in_words(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings with the recipe called by its label."""
    recipe = settings["recipe"]
    return {**settings, "recipe": recipe and recipe_label(recipe)}

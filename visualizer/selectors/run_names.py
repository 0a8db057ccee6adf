"""What a run is called: its recipe's label, what was set of it, and its seed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inference.catalog import RANKINGS, RECIPES

LONGEST = 100


def recipe_label(name: str) -> str:
    """A recipe or ranking in words; "by hand" for steps without one, unknown names as they are."""
    if name == "manual":
        return "by hand"
    row = RECIPES.get(name) or RANKINGS.get(name)
    return row.label if row else name


def run_name(recipe: str, parameters: Mapping[str, Any], seed: int | None = None) -> str:
    """E.g. "Fast-dLLM, threshold 0.9, seed 3"; values that are the recipe's own are left out.

    At most 100 characters. A recipe that is not in the catalogue is called by its name.
    """
    row = RECIPES.get(recipe)
    label, usual = (row.label, row.defaults) if row else (recipe, {})
    set_here = [(name, held) for name, held in parameters.items() if usual.get(name) != held]
    words = [_words(label, name, held) for name, held in set_here]
    if words and words[0].startswith(label):
        label = words.pop(0)
    return ", ".join([label, *words, *([f"seed {seed}"] if seed is not None else [])])[:LONGEST]


def _words(label: str, name: str, held: Any) -> str:
    """`threshold 0.9`; after a label that ends so, the label with the value alone."""
    plain = name.replace("_", " ")
    if held is True:
        return plain
    value = f"{held:g}" if isinstance(held, float) else str(held)
    return f"{label} {value}" if label.lower().endswith(plain) else f"{plain} {value}"

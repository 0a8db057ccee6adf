"""Recipes by name and their parameters, checked before a run is queued."""

from __future__ import annotations

from typing import Any

from inference.catalog import RECIPES
from inference.engine.decoding.params import checked
from inference.errors import UnmaskError
from inference.runtime.faults import told


def check_recipe(name: str, parameters: dict[str, Any]) -> None:
    """Raises UnmaskError for an unknown recipe or parameters out of range."""
    if name not in RECIPES:
        known = ", ".join(RECIPES) or "none"
        raise UnmaskError("validation", f"Unknown recipe. Known: {known}.", "recipe")
    with told():
        checked(parameters, {})

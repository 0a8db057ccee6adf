"""Recipes by name and their parameters, completed and checked before a run is queued."""

from __future__ import annotations

import math
from typing import Any

from inference.engine.canvas import Canvas
from inference.engine.decoding.params import checked
from inference.engine.decoding.recipes import recipe_named
from inference.errors import UnmaskError
from inference.runtime.error_mapping import engine_errors
from visualizer.models import Session
from visualizer.services.run_settings import OWN_PACE


def prepared(
    session: Session, canvas: Canvas, name: str, given: dict[str, Any], per_step: int | None
) -> dict[str, Any]:
    """The parameters of a run. Raises UnmaskError naming the recipe or the parameter at fault.

    The session's blocks count where the recipe knows blocks. `per_step` becomes the number of
    steps for recipes that share the open positions out among their steps.
    """
    with engine_errors():
        recipe = recipe_named(name)
        parameters = dict(given)
        if "block_length" in recipe.uses and session.block_length < session.opened:
            parameters.setdefault("block_length", session.block_length)
        if per_step is not None:
            parameters |= _pace(name, recipe.uses, len(canvas.open_positions), per_step)
        checked(parameters, recipe.defaults, recipe.uses)
    return parameters


def _pace(name: str, uses: tuple[str, ...], masks: int, per_step: int) -> dict[str, int]:
    if "tokens_per_step" in uses:
        return {"tokens_per_step": per_step}
    if "steps" in uses:
        return {"steps": max(1, math.ceil(masks / per_step))}
    raise UnmaskError("validation", OWN_PACE.format(name), "tokens_per_step")

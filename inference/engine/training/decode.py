"""One case through one decoding recipe of the engine, for measuring."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from inference.engine.canvas import Canvas
from inference.engine.checkpoint import LoadedModel
from inference.engine.decoding.loop import generate
from inference.engine.decoding.recipes import recipe_named
from inference.engine.errors import InputError
from inference.engine.forward import ForwardMany, forward_many
from inference.engine.training.task import Case


@dataclass(frozen=True)
class Settings:
    """How to decode: `steps` 0 is one token per pass, `block_length` None is one block.

    `own`: parameters of the recipe beside these; they go before them.
    """

    recipe: str
    steps: int = 0
    block_length: int | None = None
    temperature: float = 0.0
    eos_last: bool = False
    seed: int = 0
    own: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """The finished canvas, the forward passes it took and the tokens it filled in."""

    ids: list[int]
    passes: int
    tokens: int


def decode(
    model: LoadedModel,
    case: Case,
    settings: Settings,
    number: int = 0,
    forward: ForwardMany = forward_many,
) -> Outcome:
    """Fill a case's canvas; `number` gives each case dice of its own.

    Raises InputError for an unknown recipe or a model without mask.
    """
    canvas = Canvas.start(case.prompt_ids, case.gen_length, mask_of(model))
    params = parameters(settings, len(canvas.open_positions))
    passes = 0
    seed = settings.seed + number
    for result in generate(model, canvas, settings.recipe, params, seed, forward=forward):
        canvas, passes = result.canvas, passes + 1
    given = sum(token != canvas.mask_id for token in case.prompt_ids)
    return Outcome(canvas.tokens, passes, len(canvas) - given)


def parameters(settings: Settings, masks: int) -> dict[str, Any]:
    """Those of the settings that the recipe reads."""
    values = {
        "steps": settings.steps or None,
        "tokens_per_step": math.ceil(masks / settings.steps) if settings.steps else 1,
        "block_length": settings.block_length,
        "temperature": settings.temperature,
        "eos_last": settings.eos_last,
        **settings.own,
    }
    recipe = recipe_named(settings.recipe)
    return {
        name: value
        for name, value in values.items()
        if name in recipe.uses and (value is not None or name not in recipe.defaults)
    }


def mask_of(model: LoadedModel) -> int:
    """The mask's id; raises InputError for a model that has none."""
    if model.spec.mask_id is None:
        raise InputError("This model has no mask token, so it cannot be evaluated here.", "model")
    return model.spec.mask_id

"""Which recipes a model can be decoded with, judged by what the recipe's parts do.

`inference.catalog.recipes_for` says the same by name, for those who may not load a tensor library.
"""

from __future__ import annotations

from collections.abc import Callable

from inference.engine.checkpoint import LoadedModel
from inference.engine.decoding import blocks, kv_cache, uniform_noise
from inference.engine.decoding.recipe import Recipe
from inference.engine.decoding.rules import dcd, wino
from inference.engine.errors import InputError

Test = Callable[[Recipe, LoadedModel], bool]

REASONS: list[tuple[Test, str]] = [
    # what is wrong, and the sentence that says so
    (
        lambda recipe, model: model.spec.noise == "uniform" and not _settles(recipe),
        "it has no mask token and is decoded by the recipe diffusion_gemma only",
    ),
    (
        lambda recipe, model: model.spec.noise != "uniform" and _settles(recipe),
        "it is for models without a mask token (DiffusionGemma)",
    ),
    (
        lambda recipe, model: recipe.edits and not _edits(model),
        "it needs a model with tokens that expand or delete places (DreamOn)",
    ),
    (
        lambda recipe, model: _shadows(recipe) and model.spec.predict != "same",
        "it needs a model whose rows predict their own place",
    ),
    (
        lambda recipe, model: _shadows(recipe) and not model.family.own_masks,
        "this model family takes no visibility but its own",
    ),
    (
        lambda recipe, model: recipe.block is blocks.small_blocks and not _next_block(model),
        "it needs a model that writes blocks and predicts the next place (Fast-dLLM v2)",
    ),
    (
        lambda recipe, model: _caches(recipe) and not model.family.own_masks,
        "this model family has no cache",
    ),
]


def check_suitable(recipe: Recipe, model: LoadedModel, name: str) -> None:
    """Raises InputError, with the recipe's name and the reason, for a model that it cannot do."""
    for wrong, reason in REASONS:
        if wrong(recipe, model):
            raise InputError(f"The recipe {name} does not suit this model: {reason}.", "recipe")


def _settles(recipe: Recipe) -> bool:
    return recipe.source is uniform_noise.noisy_canvas


def _shadows(recipe: Recipe) -> bool:
    return recipe.source is wino.with_shadow


def _caches(recipe: Recipe) -> bool:
    return recipe.source in (
        *(kv_cache.prefix, kv_cache.dual, kv_cache.small_block),
        *(dcd.prefix, dcd.dual),
    )


def _next_block(model: LoadedModel) -> bool:
    return model.spec.attention == "block" and model.spec.predict == "shifted"


def _edits(model: LoadedModel) -> bool:
    return model.spec.length == "edits"

"""Recipes per family: the table for the web side, the engine's rule, and what really happens."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest

from inference import catalog
from inference.engine.canvas import Canvas
from inference.engine.checkpoint import LoadedModel
from inference.engine.decoding.loop import Run, generate
from inference.engine.decoding.params import checked
from inference.engine.decoding.recipes import recipe_named
from inference.engine.decoding.rng import seeded
from inference.engine.decoding.suitability import check_suitable
from inference.engine.errors import InputError
from inference.engine.forward import forward_many
from tests.inference.engine.models import CONFIGS

POINTLESS = {"dreamon", "fastdllm2/threshold", "fastdllm2/block_cache"}
Tiny = Callable[[str], LoadedModel]


def _suiting(model: LoadedModel) -> list[str]:
    return catalog.recipes_for(
        model.spec.family,
        edits=model.spec.length == "edits",
        shifted=model.spec.predict == "shifted",
        blocks=model.spec.attention == "block",
    )


def _refused(model: LoadedModel, name: str) -> bool:
    """Whether the engine refuses before anything is computed."""
    try:
        check_suitable(recipe_named(name), model, name)
    except InputError:
        return True
    return False


def test_the_refusal_names_the_recipe(tiny: Tiny) -> None:
    model = tiny("dream")
    with pytest.raises(
        InputError, match=r"wino does not suit .* predict their own place"
    ) as caught:
        next(generate(model, _canvas(model), "wino", {}, 0))
    assert caught.value.field == "recipe"


def _canvas(model: LoadedModel) -> Canvas:
    return Canvas.start([3, 4, 5], 6, model.spec.open_id)


@pytest.mark.parametrize("config", list(CONFIGS))
def test_the_table_says_what_the_engine_refuses(config: str, tiny: Tiny) -> None:
    model = tiny(config)
    taken = [name for name in catalog.RECIPES if not _refused(model, name)]
    assert taken == _suiting(model)
    assert ("fastdllm2/threshold" in taken) is (config in ("fast-dllm-v2", "block_llama"))


@pytest.mark.parametrize("config", list(CONFIGS))
def test_what_is_refused_would_not_work(config: str, tiny: Tiny) -> None:
    """Without the check these fail, or (those of POINTLESS) could not use what they are for."""
    model = tiny(config)
    for name in set(catalog.RECIPES) - set(_suiting(model)) - POINTLESS:
        recipe = recipe_named(name)
        # three steps, since a cache is used from the second on
        params = checked({"steps": 3} if "steps" in recipe.uses else {}, recipe.defaults)
        run = Run(model, recipe, params, seeded(0), forward_many)
        with pytest.raises(Exception):  # noqa: B017, PT011 - each fails in its own way
            list(run.steps(_canvas(model), 1, 1, {}))


def test_traits_that_are_not_given_are_those_of_the_family() -> None:
    assert "wino" not in catalog.recipes_for("dream")
    assert "wino" in catalog.recipes_for("qwen2")
    assert "dreamon" not in catalog.recipes_for("dream")
    assert catalog.recipes_for("diffusion_gemma") == ["diffusion_gemma"]


def test_the_table_needs_no_tensor_library() -> None:
    code = "import sys; from inference.catalog import recipes_for as r; r('llada'); "
    code += "sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

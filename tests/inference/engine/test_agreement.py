"""Approximate recipes against the exact ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from inference import catalog
from inference.engine.canvas import Canvas
from inference.engine.checkpoint import LoadedModel
from inference.engine.decoding.recipes import recipe_named
from tests.inference.engine.agreement import EXACT, agreement
from tests.inference.engine.models import MASK

WITHOUT_STALENESS: dict[str, tuple[str, dict[str, Any]]] = {
    "fastdllm2/block_cache": ("fast-dllm-v2", {"small_block_length": 1}),
    "dcd/prefix": ("llada", {"refresh_count": 1}),
    "dcd/dual": ("llada", {"refresh_count": 1}),
}
"""A model and parameters with which everything is evaluated in each step."""
Tiny = Callable[[str], LoadedModel]


def test_every_approximate_recipe_has_an_exact_counterpart() -> None:
    approximate = {name for name in catalog.RECIPES if recipe_named(name).approximate}
    assert approximate == set(EXACT)
    assert not any(recipe_named(name).approximate for name in EXACT.values())
    assert all("approximate" in catalog.RECIPES[name].label for name in approximate)


@pytest.mark.parametrize("recipe", list(EXACT))
def test_one_block_without_prompt_agrees_fully(recipe: str, tiny: Tiny) -> None:
    canvases = [Canvas.start([], length, MASK) for length in (6, 9)]
    name, params = WITHOUT_STALENESS.get(recipe, ("llada", {"block_length": 16}))
    found = agreement(tiny(name), canvases, recipe, params)
    assert (found.places, found.equal, found.share) == (15, 15, 1.0)
    assert found.steps == found.exact_steps > 2


def test_a_stale_prefix_is_noticed(tiny: Tiny) -> None:
    """A random model depends strongly on everything, so that staleness changes tokens."""
    canvases = [Canvas.start(range(1, 9), 16, MASK), Canvas.start(range(30, 50), 16, MASK)]
    found = agreement(tiny("llada"), canvases, "fastdllm/dual", {"block_length": 8})
    assert found.places == 32
    assert 0 < found.equal < 32


def test_nothing_to_write_is_full_agreement(tiny: Tiny) -> None:
    found = agreement(tiny("llada"), [Canvas.start([1, 2], 0, MASK)], "fastdllm/dual", {})
    assert (found.places, found.share) == (0, 1.0)

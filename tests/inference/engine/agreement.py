"""How far an approximate recipe strays from the exact one that it imitates, measured."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from inference.engine.canvas import Canvas
from inference.engine.checkpoint import LoadedModel
from inference.engine.decoding.loop import generate
from inference.engine.decoding.recipes import recipe_named
from inference.engine.forward import ForwardMany, forward_many


@dataclass(frozen=True)
class Agreement:
    """Places written by both, how many with the same token, and the steps that each one took."""

    places: int
    equal: int
    steps: int
    exact_steps: int

    @property
    def share(self) -> float:
        """The share of places with the same token, 0 to 1; 1 when there was nothing to write."""
        return self.equal / self.places if self.places else 1.0


EXACT = {
    "fastdllm/prefix": "fastdllm/threshold",
    "fastdllm/dual": "fastdllm/threshold",
    "fastdllm/prefix_factor": "fastdllm/factor",
    "fastdllm/dual_factor": "fastdllm/factor",
    "fastdllm/prefix_schedule": "llada/low_confidence",
    "fastdllm/dual_schedule": "llada/low_confidence",
    "fastdllm2/block_cache": "fastdllm2/threshold",
    "dcd/prefix": "dcd",
    "dcd/dual": "dcd",
}
"""Approximate recipe → the exact one with the same rule."""


def agreement(
    model: LoadedModel,
    canvases: Iterable[Canvas],
    recipe: str,
    params: Mapping[str, Any],
    seed: int = 0,
    forward: ForwardMany = forward_many,
) -> Agreement:
    """Runs an approximate recipe and its exact counterpart on the same canvases and seed."""
    places = equal = steps = exact_steps = 0
    for canvas in canvases:
        fast, count = _final(model, canvas, recipe, params, seed, forward)
        exact, exact_count = _final(model, canvas, EXACT[recipe], params, seed, forward)
        opened = canvas.open_positions
        places += len(opened)
        equal += sum(fast[i] == exact[i] for i in opened)
        steps, exact_steps = steps + count, exact_steps + exact_count
    return Agreement(places, equal, steps, exact_steps)


def _final(
    model: LoadedModel,
    canvas: Canvas,
    recipe: str,
    params: Mapping[str, Any],
    seed: int,
    forward: ForwardMany,
) -> tuple[list[int], int]:
    """The tokens at the end of a run, and its steps."""
    tokens, count = canvas.tokens, 0
    read = {name: value for name, value in params.items() if name in recipe_named(recipe).uses}
    for step in generate(model, canvas, recipe, read, seed, forward=forward):
        tokens, count = step.canvas.tokens, count + 1
    return tokens, count

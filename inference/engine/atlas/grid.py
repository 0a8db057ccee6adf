"""The grid of the atlas: every rule that a model can be decoded with, in every way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

from inference.catalog import RECIPES, recipes_for
from inference.engine.atlas.exact_tasks import ExactTask
from inference.engine.training.decode import Settings

THRESHOLDS = (0.6, 0.9)
"""Where a rule sets its own pace, this takes the place of the steps."""
GROWING = "max_new_tokens"


@dataclass(frozen=True)
class Way:
    """A rule with what sets its pace: steps, or a threshold of its own (None without one)."""

    recipe: str
    steps: int
    threshold: float | None
    block_length: int | None

    def settings(self, task: ExactTask, seed: int) -> Settings:
        """How a case is decoded in this way."""
        own: dict[str, Any] = {} if self.threshold is None else {"threshold": self.threshold}
        return Settings(
            self.recipe, self.steps, self.block_length, task.temperature, seed=seed, own=own
        )


def growing_recipes() -> list[str]:
    """Rules that find out by themselves how long an answer is, which no task of the atlas asks."""
    able = recipes_for("llada", edits=True)
    return [name for name in able if GROWING in RECIPES[name].uses and name != "dreamon"]


def recipes_of(task: ExactTask) -> list[str]:
    """The rules to measure on a task: all that its model can be decoded with but growing ones."""
    able = recipes_for("llada", edits=task.name == "gaps")
    growing = growing_recipes()
    return [name for name in able if name not in growing]


def ways_of(recipe: str, task: ExactTask) -> Iterator[Way]:
    """Every way in which a task is measured with a rule."""
    uses = RECIPES[recipe].uses
    blocks = task.blocks if "block_length" in uses else (None,)
    if not RECIPES[recipe].own_pace:
        yield from (Way(recipe, steps, None, block) for block, steps in product(blocks, task.steps))
        return
    thresholds = THRESHOLDS if "threshold" in uses else (None,)
    yield from (Way(recipe, 0, level, block) for block, level in product(blocks, thresholds))

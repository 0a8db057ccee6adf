"""How an adapted model is decoded where it is measured, and on the site."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Way:
    """A recipe and its parameters; the temperature is 0."""

    recipe: str
    parameters: Mapping[str, Any]


ONE_A_STEP = Way("rank/low_entropy", {"tokens_per_step": 1})
TWO_A_STEP = Way("pairs/blocks", {})


def surest(tokens_per_step: int) -> Way:
    """So many tokens a step, those that the model is surest of."""
    return Way("llada2/threshold", {"threshold": 1.0, "tokens_per_step": tokens_per_step})


def way_of(pace: int, block: int) -> Way:
    """How so many tokens a step are decoded best (`make bench ARGS=rules`)."""
    if pace == 1:
        return Way(ONE_A_STEP.recipe, {**ONE_A_STEP.parameters, "block_length": block})
    return TWO_A_STEP if pace == 2 else surest(pace)

"""What a preset holds: the same fields and limits as the commands that use them."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from core.commands.fields import limited
from inference.catalog import RANKINGS, RECIPES
from visualizer.probability import ProbabilitySettings

PARAMETERS = 64
"""Most parameters of a recipe that are kept."""


class PresetValues(BaseModel):
    """Named settings. What is not given stays as it is when the preset is used."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    recipe: str | None = Field(default=None, description="a recipe's name")
    strategy: str | None = Field(default=None, description="a strategy's name")
    tokens_per_step: int | None = limited("tokens_to_select", None, "positions written by a step")
    block_length: int | None = limited("block_length", None)
    gen_length: int | None = limited("gen_length", None)
    seed: int | None = limited("seed", None)
    parameters: dict[str, bool | int | float | str | None] = Field(
        default_factory=dict, max_length=PARAMETERS, description="the recipe's own parameters"
    )
    settings: ProbabilitySettings | None = Field(default=None, description="as in forward_pass")

    @field_validator("recipe")
    @classmethod
    def _recipe(cls, value: str | None) -> str | None:
        return _known(value, RECIPES)

    @field_validator("strategy")
    @classmethod
    def _strategy(cls, value: str | None) -> str | None:
        return _known(value, RANKINGS)

    @field_validator("parameters")
    @classmethod
    def _short(cls, value: dict[str, Any]) -> dict[str, Any]:
        for name, held in value.items():
            if len(name) > 60 or (isinstance(held, str) and len(held) > 200):
                raise ValueError("parameters must have short names and values")
        return value


def _known(value: str | None, table: dict[str, Any]) -> str | None:
    if value is not None and value not in table:
        raise ValueError(f"must be one of {', '.join(table)}")
    return value

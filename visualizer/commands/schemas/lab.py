"""Messages about jobs of the Lab."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from pydantic import Field, ValidationInfo, field_validator

from core.commands.fields import Message, limited, uuid_field
from inference.catalog import PARAMETERS, RECIPES, Parameter
from inference.catalog.card import ELSEWHERE
from inference.limits import LIMITS

Value = TypeVar("Value", str, int)
Parameters = dict[str, dict[str, Any]]
Steps = Annotated[int, Field(ge=0, le=1024)]
Blocks = Annotated[int, Field(ge=0, le=int(LIMITS["block_length"].high))]


class LabStart(Message):
    """Measure recipes on a model's task, over block lengths, numbers of steps and seeds."""

    model: str = Field(min_length=1, max_length=200, description="a model that has a task")
    recipes: Annotated[list[str], Field(min_length=1, max_length=8, description="names of recipes")]
    steps: Annotated[
        list[Steps],
        Field(min_length=1, max_length=8, description="decoding steps; 0 = one token a pass"),
    ]
    block_lengths: list[Blocks] = Field(
        default=[0], min_length=1, max_length=8, description="block sizes; 0 = one block"
    )
    count: int = Field(default=20, ge=1, le=200, description="cases of the task for each seed")
    seed: int = limited("seed", 0)
    seeds: int = Field(default=1, ge=1, le=8, description="how many seeds, from `seed` on")
    parameters: Parameters = Field(
        default_factory=dict, description="recipe → its own parameters, beside pace and blocks"
    )

    @field_validator("recipes")
    @classmethod
    def _known(cls, value: list[str]) -> list[str]:
        for name in value:
            if name not in RECIPES:
                raise ValueError(f"must be among {', '.join(RECIPES)}")
        return _different(value)

    @field_validator("parameters")
    @classmethod
    def _readable(cls, value: Parameters, info: ValidationInfo) -> Parameters:
        for name, given in value.items():
            if name not in info.data.get("recipes", ()):
                raise ValueError(f"{name[:60]} is not among recipes")
            for key, held in given.items():
                _check(name, key, held)
        return value

    @field_validator("steps", "block_lengths")
    @classmethod
    def _once(cls, value: list[int]) -> list[int]:
        return _different(value)


def _different(values: list[Value]) -> list[Value]:
    if len(set(values)) < len(values):
        raise ValueError("must not name anything twice")
    return values


def _check(recipe: str, name: str, value: Any) -> None:
    """Raises ValueError unless the recipe reads the parameter and the value is in its range."""
    if name not in RECIPES[recipe].uses or name in ELSEWHERE:
        raise ValueError(f"{recipe} has no parameter {name[:60]} here")
    row = PARAMETERS[name]
    number = isinstance(value, int | float) and not isinstance(value, bool)
    fits = {
        "flag": isinstance(value, bool),
        "choice": value in row.choices,
        "text": isinstance(value, str) and row.low <= len(value) <= row.high,
        "integer": type(value) is int and row.low <= value <= row.high,
        "number": number and row.low <= value <= row.high,
    }
    if not fits[row.kind] and not (value is None and row.optional):
        raise ValueError(f"{name} of {recipe} must be {_range(row)}")


def _range(row: Parameter) -> str:
    if row.kind in ("integer", "number"):
        return f"{row.low:g} to {row.high:g}"
    if row.kind == "text":
        return f"{row.low:g} to {row.high:g} characters"
    return ", ".join(row.choices) or "true or false"


class LabCancel(Message):
    """End a job after the case that is being decoded."""

    job: str = uuid_field("the job's id")


class OneLabJob(Message):
    """A job with its rows."""

    job: str = uuid_field("the job's id")


class LabJobs(Message):
    """Your jobs, newest first."""

    limit: int = Field(default=50, ge=1, le=200, description="how many")

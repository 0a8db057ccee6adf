"""Messages about jobs of the Lab."""

from __future__ import annotations

from typing import Annotated, TypeVar

from pydantic import Field, field_validator

from core.commands.fields import Message, limited, uuid_field
from inference.catalog import RECIPES

Value = TypeVar("Value", str, int)
Steps = Annotated[int, Field(ge=0, le=1024)]


class LabStart(Message):
    """Measure recipes with several numbers of steps on the task of a model."""

    model: str = Field(min_length=1, max_length=200, description="a model that has a task")
    recipes: Annotated[list[str], Field(min_length=1, max_length=8, description="names of recipes")]
    steps: Annotated[
        list[Steps],
        Field(min_length=1, max_length=8, description="decoding steps; 0 = one token a pass"),
    ]
    count: int = Field(default=20, ge=1, le=200, description="cases of the task in each row")
    seed: int = limited("seed", 0)
    block_length: int | None = limited("block_length", None, "block size; one block by default")

    @field_validator("recipes")
    @classmethod
    def _known(cls, value: list[str]) -> list[str]:
        for name in value:
            if name not in RECIPES:
                raise ValueError(f"must be among {', '.join(RECIPES)}")
        return _different(value)

    @field_validator("steps")
    @classmethod
    def _once(cls, value: list[int]) -> list[int]:
        return _different(value)


def _different(values: list[Value]) -> list[Value]:
    if len(set(values)) < len(values):
        raise ValueError("must not name anything twice")
    return values


class LabCancel(Message):
    """End a job after the case that is being decoded."""

    job: str = uuid_field("the job's id")


class OneLabJob(Message):
    """A job with its rows."""

    job: str = uuid_field("the job's id")


class LabJobs(Message):
    """Your jobs, newest first."""

    limit: int = Field(default=50, ge=1, le=200, description="how many")

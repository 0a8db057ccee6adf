"""Messages that put whole runs side by side."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from core.commands.fields import Message, limited
from visualizer.commands.schemas.history import branch_id_field
from visualizer.fields import SessionMessage, session_id_field


class RecipeChoice(BaseModel):
    """One way to generate."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    recipe: str = Field(min_length=1, max_length=60, description="a recipe's name")
    tokens_per_step: int | None = limited("tokens_to_select", None, "positions written by a step")
    parameters: dict[str, Any] = Field(default_factory=dict, description="its own parameters")
    name: str | None = Field(
        default=None, min_length=1, max_length=100, description="name of its branch; the recipe's"
    )


class CompareRuns(SessionMessage):
    """Generate with several recipes from the current step, each on a branch of its own."""

    recipes: Annotated[
        list[RecipeChoice],
        Field(min_length=2, max_length=4, description="{recipe, parameters, …}, same seed for all"),
    ]


class ComparedSide(BaseModel):
    """A state of one of your sessions."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    session_id: str = session_id_field()
    branch: int = branch_id_field()
    step: int | None = limited("step", None, "the branch's end by default")


class CompareBranches(Message):
    """Compare two lines of steps token by token and as a whole."""

    sides: Annotated[
        list[ComparedSide],
        Field(min_length=2, max_length=2, description="{session_id, branch, step}: two states"),
    ]


class Judge(Message):
    """How probable an autoregressive model finds what was written."""

    sides: Annotated[
        list[ComparedSide],
        Field(min_length=1, max_length=4, description="{session_id, branch, step}: the states"),
    ]

"""Messages that steer the tree of steps."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, field_validator

from core.commands.fields import limited
from inference.catalog import RANKINGS
from visualizer.fields import Position, SessionMessage

Positions = Annotated[
    list[Position], Field(min_length=1, max_length=1024, description="positions of the canvas")
]


def branch_id_field(*, optional: bool = False) -> Any:
    """A required branch, or one that may be left out: the current one is meant then."""
    if optional:
        return Field(default=None, ge=1, le=2**53, description="its branch; the current one")
    return Field(ge=1, le=2**53, description="the branch's id")


class NewBranch(SessionMessage):
    """Fork at a step: later applications go to the new branch."""

    step: int | None = limited("step", None, "where it forks; the current step by default")
    name: str | None = Field(default=None, min_length=1, max_length=100, description="its name")


class ChangeBranch(SessionMessage):
    """Name or mark a branch."""

    branch: int = branch_id_field()
    name: str | None = Field(default=None, min_length=1, max_length=100, description="new name")
    marked: bool | None = Field(default=None, description="mark it, or take the mark away")


class Prune(SessionMessage):
    """Put a branch and what grew from it away."""

    branch: int = branch_id_field()


class Restore(SessionMessage):
    """Undo a prune."""

    branch: int = branch_id_field()


class Diff(SessionMessage):
    """Compare the ends of two branches token by token."""

    branches: Annotated[
        list[Annotated[int, Field(ge=1, le=2**53)]],
        Field(min_length=2, max_length=2, description="two branch ids"),
    ]


class Merge(SessionMessage):
    """Bring tokens of another branch into the open positions of the current state."""

    branch: int = branch_id_field()


class Remask(SessionMessage):
    """Open committed positions again."""

    positions: Positions


class Lock(SessionMessage):
    """Keep positions as they are: nothing may write there."""

    positions: Positions


class Unlock(SessionMessage):
    """Take locks away."""

    positions: Positions


class Insert(SessionMessage):
    """Insert masks, where the model's family can work with them."""

    position: int = Field(ge=-1, le=65_535, description="after this position; -1 = at the front")
    count: int = limited("tokens_to_select", 1, "how many masks")


class Delete(SessionMessage):
    """Delete positions, where the model's family can work with that."""

    positions: Positions


class Compare(SessionMessage):
    """What several strategies would take from the same forward pass."""

    strategies: Annotated[
        list[str], Field(min_length=1, max_length=20, description="names of strategies")
    ] = Field(default_factory=lambda: list(RANKINGS))
    tokens_to_select: int = limited("tokens_to_select", 1)

    @field_validator("strategies")
    @classmethod
    def _known(cls, value: list[str]) -> list[str]:
        for name in value:
            if name not in RANKINGS:
                raise ValueError(f"must be among {', '.join(RANKINGS)}")
        return value


class Regrets(SessionMessage):
    """Written tokens that a later forward pass would not write any more."""

    step: int | None = limited("step", None, "the state that is judged; the current one by default")
    branch: int | None = Field(default=None, ge=1, le=2**53, description="another branch's id")
    threshold: float = Field(
        default=0.5,
        ge=0,
        le=1,
        allow_inf_nan=False,
        description="less than this counts",
    )

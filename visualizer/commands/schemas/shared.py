"""Parts that several messages have in common."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from visualizer.fields import Position, SessionMessage

PositionRange = Annotated[
    list[Position],
    Field(min_length=2, max_length=2, description="[from, to): only these positions are sent"),
]


class Paged(SessionMessage):
    """A question whose answer may be asked for in pages."""

    include_raw_logits: bool = Field(default=False, description="send sparse logits too")
    positions: PositionRange | None = Field(
        default=None, description="[from, to): only these positions are sent"
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.positions is not None and self.positions[0] > self.positions[1]:
            raise ValueError("positions must be [from, to] with from <= to")
        return self

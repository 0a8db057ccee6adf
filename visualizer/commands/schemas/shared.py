"""Parts that several messages have in common."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from visualizer.commands.fields import Position, SessionMessage, limited


class ProbabilitySettings(BaseModel):
    """How logits become candidates."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    softmax_temperature: float = limited("softmax_temperature", 1.0)
    gumbel_temperature: float = limited("gumbel_temperature", 0.0)
    apply_gumbel_noise: bool = Field(default=False, description="add Gumbel noise to the logits")
    visual_top_k: int = limited("visual_top_k", 20)
    actual_top_k: int = limited("actual_top_k", 10)
    top_p: float = limited("top_p", 1.0)


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


"""How logits become candidates: the settings of a distribution."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from core.commands.fields import limited


class ProbabilitySettings(BaseModel):
    """How a distribution is shaped before it is shown or drawn from."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    softmax_temperature: float = limited("softmax_temperature", 1.0)
    gumbel_temperature: float = limited("gumbel_temperature", 0.0)
    apply_gumbel_noise: bool = Field(default=False, description="add Gumbel noise to the logits")
    visual_top_k: int = limited("visual_top_k", 20)
    actual_top_k: int = limited("actual_top_k", 10)
    top_p: float = limited("top_p", 1.0)

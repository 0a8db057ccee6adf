"""Fields of OpenAI's API that have no meaning here, at the values that change nothing.

Clients send them with everything that they ask for. At any other value they are refused, so that
nothing that was asked for is silently dropped.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

EMPTY, KEPT = "empty only", "not kept"


class Neutral(BaseModel):
    """Of both kinds of completion. Types are strict, unknown fields refused."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    frequency_penalty: float | None = Field(None, ge=0, le=0, description="0 only")
    presence_penalty: float | None = Field(None, ge=0, le=0, description="0 only")
    logit_bias: dict[str, float] | None = Field(None, max_length=0, description=EMPTY)
    user: str | None = Field(None, max_length=500, description=KEPT)


class NeutralChat(Neutral):
    """Of conversations only: models here call no tools and write nothing but text."""

    store: Literal[False] | None = Field(None, description="false only")
    metadata: dict[str, str] | None = Field(None, max_length=16, description=KEPT)
    safety_identifier: str | None = Field(None, max_length=500, description=KEPT)
    prompt_cache_key: str | None = Field(None, max_length=500, description=KEPT)
    service_tier: Literal["auto", "default"] | None = None
    modalities: list[Literal["text"]] | None = Field(None, max_length=1, description="text only")
    tools: list[str] | None = Field(None, max_length=0, description=EMPTY)
    tool_choice: Literal["none", "auto"] | None = None
    parallel_tool_calls: bool | None = None
    functions: list[str] | None = Field(None, max_length=0, description=EMPTY)
    function_call: Literal["none", "auto"] | None = None

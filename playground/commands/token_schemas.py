"""Messages about single tokens: which comes next, how probable a text is, a tree that is kept."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from core.commands import fields
from core.commands.fields import UUID, Message, TokenId, limited
from inference.limits import LIMITS
from playground.services.token_trees import MOST_TOKENS

MOST_AHEAD = 64


def model_field() -> Any:
    """An autoregressive model by its slug."""
    return Field(min_length=1, max_length=200, description="an autoregressive model")


class Drawing(BaseModel):
    """How the next token is chosen."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    temperature: float = Field(default=1.0, ge=0.0, le=10.0, allow_inf_nan=False)
    top_k: int | None = limited("top_k", None)
    top_p: float | None = limited("top_p", None)
    sample: bool = Field(default=False, description="draw next_token instead of taking the best")


class NextToken(Message, Drawing):
    """What an autoregressive model would write next: the most probable tokens, best first."""

    model: str = model_field()
    context: str = fields.text("prompt", "", "what stands there")
    token_ids: list[TokenId] = Field(
        default_factory=list,
        max_length=MOST_TOKENS,
        description="tokens behind the context, where their ids are known",
    )
    seed: int = limited("seed", 0)
    ahead: int = Field(
        default=1,
        ge=1,
        le=MOST_AHEAD,
        description="distributions, each after the next_token of the one before, as time allows",
    )
    digest: bool = Field(default=False, description="also the compact distribution, in base64")


class ScoreText(Message):
    """How probable an autoregressive model finds a text, token by token."""

    model: str = model_field()
    text: str = fields.text("prompt", low=1, meaning="the text")
    prompt: str = fields.text("prompt", "", "what stands in front of it and is not scored")


class ScoreTokens(Message):
    """How probable an autoregressive model finds a text whose tokens are known."""

    model: str = model_field()
    token_ids: list[TokenId] = Field(
        min_length=1, max_length=int(LIMITS["prompt"].high), description="the text, token by token"
    )


class ScoreBoth(ScoreText):
    """How probable both kinds of models find a text: left to right, and masked token by token."""

    masked_model: str = Field(min_length=1, max_length=200, description="a diffusion model")


class TreeTokenMessage(BaseModel):
    """A token behind another one. `parent`: place of that one in the list from 1; 0 is the text."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    parent: int = Field(ge=0, le=MOST_TOKENS)
    token: TokenId


class KeepTree(Message):
    """Keep the tokens that were tried after a text, all branches; of a kept tree, what is new."""

    tree_id: str | None = Field(default=None, pattern=UUID, description="a tree of yours")
    model: str = model_field()
    text: str = fields.text("prompt", low=1, meaning="what the tree grows from")
    tokens: list[TreeTokenMessage] = Field(min_length=1, max_length=MOST_TOKENS)
    head: int = Field(default=0, ge=0, le=MOST_TOKENS, description="the token that is looked at")
    seed: int = limited("seed", 0)
    settings: Drawing = Field(default_factory=Drawing)

    @field_validator("tokens")
    @classmethod
    def _grow(cls, value: list[TreeTokenMessage]) -> list[TreeTokenMessage]:
        if any(one.parent >= place for place, one in enumerate(value, 1)):
            raise ValueError("must stand behind their parents")
        return value

    @field_validator("head")
    @classmethod
    def _is_there(cls, value: int, info: ValidationInfo) -> int:
        if value > len(info.data.get("tokens", ())):
            raise ValueError("must be one of the tokens")
        return value

"""The messages of the manual cycle: load, initialize, forward, select, apply, rewind."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from core.commands.fields import Message, limited, text
from inference.catalog import RANKINGS
from visualizer.commands.schemas.shared import Paged
from visualizer.fields import Selections, SessionMessage
from visualizer.probability import ProbabilitySettings


class LoadModel(Message):
    """Load a model of the allow-list into a worker."""

    model_path: str = Field(min_length=1, max_length=500, description="slug, hub id or local path")
    device: Literal["auto", "cuda", "cpu"] = Field(
        default="auto", description="where it is to run; auto: as the site says"
    )


class CancelLoad(Message):
    """Give up the loading of a model that only you wait for."""

    model_path: str = Field(min_length=1, max_length=500, description="as in load_model")


class Initialize(Message):
    """Start a session: prompt and masks."""

    prompt: str = text("prompt", meaning="text before the masks")
    gen_length: int | None = limited(
        "gen_length",
        None,
        "masks after the prompt; by default 128, or the room in the model's context, and none "
        "where special_tokens gives the prompt masks of its own",
    )
    block_length: int | None = limited("block_length", None, "block size; default gen_length")
    seed: int = limited("seed", 0)
    special_tokens: bool = Field(
        default=False, description="special tokens typed in the prompt count, masks to fill too"
    )
    chat: bool = Field(
        default=False, description="the prompt is a user's turn, put into the model's chat template"
    )
    model: str | None = Field(
        default=None, min_length=1, max_length=500, description="model; the socket's by default"
    )
    title: str | None = Field(
        default=None, min_length=1, max_length=200, description="title; the prompt's beginning"
    )

    @model_validator(mode="after")
    def _block_fits(self) -> Self:
        if self.block_length and self.gen_length and self.block_length > self.gen_length:
            raise ValueError("block_length must not be larger than gen_length")
        return self


class TokenizeAndForward(Message):
    """Initialize and look at the first forward pass, in one message."""

    prompt: str = text("prompt", meaning="text before the masks")
    gen_length: int | None = limited(
        "gen_length", None, "masks after the prompt; 128, or the room in the model's context"
    )
    top_k: int = limited("top_k", 10)
    include_raw_logits: bool = Field(default=False, description="send sparse logits too")
    model: str | None = Field(
        default=None, min_length=1, max_length=500, description="model; the socket's by default"
    )


class ForwardPass(Paged):
    """Run the model on the current state and keep its distribution."""

    gen_length: int | None = limited(
        "gen_length", None, "accepted; the session's own length is what counts"
    )
    visual_top_k: int = limited("visual_top_k", 20)
    actual_top_k: int = limited("actual_top_k", 10)
    top_p: float = limited("top_p", 1.0)
    softmax_temperature: float = limited("softmax_temperature", 1.0)
    gumbel_temperature: float = limited("gumbel_temperature", 0.0)
    apply_gumbel_noise: bool = Field(default=False, description="add Gumbel noise to the logits")


class AutoSelect(SessionMessage):
    """Choose positions by a ranking and tokens by the last settings; stage them."""

    tokens_to_select: int = limited("tokens_to_select", 1)
    strategy: str = Field(default="low_confidence", description=", ".join(RANKINGS))
    selection: Literal["constant"] = Field(
        default="constant", description="how many: exactly tokens_to_select"
    )

    @field_validator("strategy")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in RANKINGS:
            raise ValueError(f"must be one of {', '.join(RANKINGS)}")
        return value


class SelectTokensOnly(AutoSelect):
    """The same choice as auto_select, without staging anything."""


class ApplySelection(SessionMessage):
    """Write tokens into open positions: one step."""

    selections: Selections


class ReprocessProbabilities(Paged):
    """The same distribution under other settings, without another forward pass."""

    raw_logits: Any = Field(
        default=None,
        description="logits as the server sent them; by default the server's own are used",
    )
    settings: ProbabilitySettings = Field(default_factory=ProbabilitySettings)


class Rewind(SessionMessage):
    """Look at an earlier (or later) step. Nothing is lost."""

    step: int = limited("step")
    branch: int | None = Field(default=None, ge=1, le=2**53, description="another branch's id")

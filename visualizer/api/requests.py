"""What `/api/diffusion` takes: strict types, ranges from the tables of limits and parameters."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from core.commands.fields import limited
from core.commands.fields import text as text_field
from inference.catalog import PARAMETERS
from visualizer.commands.schemas.decisions import GAP, Decide

MOST_STOPS, STOP_CHARACTERS = 4, 200
MOST_MESSAGES, MOST_PIECES, MOST_BATCH = 200, 33, 16
DEVICES = ("auto", "cuda", "cpu")
LONGEST_GAP = 64
"""Tokens that the search for a gap's length goes up to, unless max_new_tokens says otherwise."""
Value = bool | int | float | str | None


def parameter(name: str, meaning: str = "") -> Any:
    """An optional number within its row of the table of recipes' parameters."""
    row = PARAMETERS[name]
    return Field(
        default=None,
        ge=int(row.low) if row.kind == "integer" else row.low,
        le=int(row.high) if row.kind == "integer" else row.high,
        allow_inf_nan=None if row.kind == "integer" else False,
        description=meaning or row.sentence,
    )


class Strict(BaseModel):
    """A number is no text and a text no number; unknown fields are refused."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Turn(Strict):
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: str = text_field("prompt", meaning="what was said")


class Decoding(Strict):
    """How to decode. What the recipe does not read is refused by name."""

    model: str | None = Field(None, min_length=1, max_length=200, description="its id")
    max_new_tokens: int | None = limited("gen_length", None, "tokens at most")
    recipe: str | None = Field(None, min_length=1, max_length=60, description="decoding rule")
    parameters: dict[str, Value] = Field(
        default_factory=dict, max_length=len(PARAMETERS), description="of the recipe, by name"
    )
    steps: int | None = parameter("steps", "forward passes; instead of tokens_per_step")
    tokens_per_step: int | None = parameter("tokens_per_step", "instead of steps")
    block_length: int | None = limited("block_length", None)
    temperature: float | None = parameter("temperature")
    top_p: float | None = parameter("top_p")
    top_k: int | None = parameter("top_k")
    seed: int = limited("seed", 0)
    stop: list[str] = Field(
        default_factory=list, max_length=MOST_STOPS, description="texts before which it ends"
    )
    auto_trim: bool | None = Field(None, description="no whitespace at the ends of the text")
    fix_punctuation: bool | None = Field(None, description="no space before , . ; : ! ?")
    timeout: float | None = Field(
        None, gt=0, le=3600, allow_inf_nan=False, description="seconds after which it is stopped"
    )
    detach: bool = Field(False, description="goes on when the client has gone")
    history: bool = Field(True, description="whether the answer has the text after each step")


class GenerateRequest(Decoding):
    """Text from a prompt, or the next turn of a conversation: one of the two."""

    prompt: str | None = text_field("prompt", None, "text to be continued", 1)
    messages: list[Turn] | None = Field(
        None, min_length=1, max_length=MOST_MESSAGES, description="turns, the newest last"
    )
    special_tokens: bool = Field(False, description="special tokens typed in the prompt count")


class InfillRequest(Decoding):
    """Text for gaps: prefix and suffix, or a text with `<gap>`, or the pieces around the gaps."""

    prefix: str | None = text_field("prompt", None, "text before the gap")
    suffix: str | None = text_field("prompt", None, "text behind the gap")
    text: str | None = text_field("prompt", None, f"text with {GAP} where something is missing", 1)
    pieces: list[str] | None = Field(
        None, min_length=2, max_length=MOST_PIECES, description="texts with a gap between each two"
    )
    length: int | None = limited(
        "gen_length", None, "tokens of every gap; found by the model itself if not given"
    )
    lengths: list[int | None] | None = Field(
        None, min_length=1, max_length=MOST_PIECES - 1, description="tokens of each; null: found"
    )


class BatchGenerate(Strict):
    """Several generations at once."""

    requests: list[GenerateRequest] = Field(min_length=1, max_length=MOST_BATCH)


class BatchInfill(Strict):
    """Several infillings at once."""

    requests: list[InfillRequest] = Field(min_length=1, max_length=MOST_BATCH)


class DecideRequest(Decide):
    """Given choices at the gaps of a text, judged together."""

    timeout: float | None = Field(
        None, gt=0, le=3600, allow_inf_nan=False, description="seconds that are waited for it"
    )


class LoadRequest(Strict):
    """Where a model is to run."""

    device: Literal["auto", "cuda", "cpu"] = Field("auto", description="auto: as the site says")

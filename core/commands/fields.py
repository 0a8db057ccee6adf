"""Typed fields of messages, made from the one limits table, and the message that all share."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from inference.limits import LIMITS

TokenId = Annotated[int, Field(ge=int(LIMITS["token_id"].low), le=int(LIMITS["token_id"].high))]
UUID = r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"


def limited(name: str, default: Any = ..., meaning: str = "") -> Any:
    """A number within its row of the limits table. `default=...` makes the field required."""
    limit = LIMITS[name]
    low, high = (int(limit.low), int(limit.high)) if limit.integer else (limit.low, limit.high)
    return Field(
        default=default,
        ge=low,
        le=high,
        allow_inf_nan=None if limit.integer else False,
        description=meaning or limit.meaning,
    )


def text(name: str, default: Any = ..., meaning: str = "", low: int | None = None) -> Any:
    """A text whose length is within its row of the limits table."""
    limit = LIMITS[name]
    shortest = int(limit.low) if low is None else low
    return Field(
        default=default,
        min_length=shortest,
        max_length=int(limit.high),
        description=meaning or limit.meaning,
    )


def uuid_field(meaning: str) -> Any:
    """The id of a thing that has to be named."""
    return Field(pattern=UUID, description=meaning)


class Message(BaseModel):
    """What every command may carry. Types are strict and unknown fields are refused.

    `needs_target`: the command is about a row of the app's (a session, a conversation), named in
    the message or else the socket's own.
    """

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)
    needs_target: ClassVar[bool] = False

    request_id: str | None = Field(
        default=None,
        min_length=1,
        max_length=int(LIMITS["request_id"].high),
        pattern=r"^[\x21-\x7e]+$",
        description="your own name for this command; a repeat is answered, not redone",
    )

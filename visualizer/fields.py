"""Field types of the messages, made from the one limits table."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from inference.limits import LIMITS

_POSITION = re.compile(r"(0|[1-9][0-9]{0,5})", re.ASCII)
_UUID = r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"


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


def _positions_as_numbers(value: Any) -> Any:
    """JSON keys are text: "15" names position 15; "015", "1e1" and other digits name nothing."""
    if not isinstance(value, dict):
        return value
    for key in value:
        if not (isinstance(key, str) and _POSITION.fullmatch(key)):
            raise ValueError('the keys must be positions such as "15"')
    return {int(key): item for key, item in value.items()}


def _within(name: str) -> AfterValidator:
    limit = LIMITS[name]

    def check(value: int) -> int:
        if not limit.low <= value <= limit.high:
            raise ValueError(f"must be {int(limit.low)} to {int(limit.high)}")
        return value

    return AfterValidator(check)


POSITION_KEYS = BeforeValidator(_positions_as_numbers)
Position = Annotated[int, _within("position")]
TokenId = Annotated[int, _within("token_id")]
Selections = Annotated[
    dict[Position, TokenId],
    POSITION_KEYS,
    Field(
        min_length=1,
        max_length=int(LIMITS["selections"].high),
        description="position → token id",
    ),
]


class Message(BaseModel):
    """What every command may carry. Types are strict and unknown fields are refused."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    request_id: str | None = Field(
        default=None,
        min_length=1,
        max_length=int(LIMITS["request_id"].high),
        pattern=r"^[\x21-\x7e]+$",
        description="your own name for this command; a repeat is answered, not redone",
    )


class SessionMessage(Message):
    """A command on a session: the one of the socket, if none is named."""

    session_id: str | None = Field(
        default=None, pattern=_UUID, description="the session; the socket's own by default"
    )


def session_id_field() -> Any:
    """A session that has to be named."""
    return uuid_field("the session")


def uuid_field(meaning: str) -> Any:
    """The id of a thing that has to be named."""
    return Field(pattern=_UUID, description=meaning)

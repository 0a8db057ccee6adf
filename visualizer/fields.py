"""Field types of messages about sessions: positions, token ids, the session itself."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from core.commands.fields import UUID, Message, uuid_field
from inference.limits import LIMITS

_POSITION = re.compile(r"(0|[1-9][0-9]{0,5})", re.ASCII)


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


class SessionMessage(Message):
    """A command on a session: the one of the socket, if none is named."""

    needs_target = True

    session_id: str | None = Field(
        default=None, pattern=UUID, description="the session; the socket's own by default"
    )


def session_id_field() -> Any:
    """A session that has to be named."""
    return uuid_field("the session")

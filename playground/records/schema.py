"""The JSON record of a conversation: all messages with their parents, so all branches."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.commands.field_errors import field_of
from core.records.versions import Whole
from inference.errors import UnmaskError
from playground.commands.schemas import FOLDER, TITLE, ChatSettings
from playground.services.turns import MOST_MESSAGES

VERSION = 1
RECORD_BYTES = 10 * 2**20
_TEXT = 2**20


class MessageRecord(BaseModel):
    """One message. `id` and `parent` are numbers within the record; parents come first."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    id: int = Field(ge=1)
    parent: int | None
    role: Literal["user", "assistant"]
    text: str = Field(max_length=_TEXT)
    status: Literal["done", "stopped", "failed"]
    model: str = Field(default="", max_length=200)
    finish_reason: str = Field(default="", max_length=10)
    usage: dict[str, int] = Field(default_factory=dict)
    seconds: float = Field(default=0.0, ge=0.0, allow_inf_nan=False)
    left_out: int = Field(default=0, ge=0, le=MOST_MESSAGES)
    flattened: bool = False
    created: str = Field(max_length=40)


class ConversationRecord(BaseModel):
    """A whole conversation. `head`: the last message of the line that was shown."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    format: Literal["unmask-conversation"]
    version: Annotated[Literal[1], Whole]
    file_name: str = Field(pattern=r"^chat_[0-9]{4}(-[0-9]{2}){5}-[0-9]{3}\.txt$")
    title: str = Field(max_length=TITLE)
    folder: str = Field(max_length=FOLDER)
    system_prompt: str = Field(max_length=_TEXT)
    model: str = Field(max_length=200)
    settings: ChatSettings
    head: int | None
    messages: list[MessageRecord] = Field(max_length=MOST_MESSAGES)


def checked(raw: dict[str, Any]) -> ConversationRecord:
    """The record, if it holds together. Raises UnmaskError naming the first fault."""
    try:
        record = ConversationRecord.model_validate(raw)
    except ValidationError as error:
        place = field_of(error.errors(include_url=False, include_input=False), raw)
        raise _fault(f"{place} is not as a record has it", place) from None
    known: set[int] = set()
    for message in record.messages:
        if message.id in known or (message.parent is not None and message.parent not in known):
            raise _fault(f"message {message.id} comes twice or before its parent", "messages")
        known.add(message.id)
    if record.head is not None and record.head not in known:
        raise _fault("head is no message of the record", "head")
    return record


def _fault(words: str, field: str) -> UnmaskError:
    return UnmaskError("validation", f"This is not a conversation's record: {words}.", field)

"""Messages about conversations."""

from __future__ import annotations

import unicodedata
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from core.commands.fields import Message, limited, text
from inference.catalog import RECIPES

ID = r"^([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|chat_[0-9]{4}(-[0-9]{2}){5}-[0-9]{3}\.txt)$"
FOLDER, TITLE = 100, 200


def conversation_field(default: Any = ...) -> Any:
    """A conversation by its id, or by the name of its file."""
    return Field(default=default, pattern=ID, description="the conversation; its id or file name")


class ChatSettings(BaseModel):
    """How answers are made; what is not given is the model's own."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    max_new_tokens: int | None = limited("gen_length", None, "tokens of an answer at most")
    temperature: float | None = Field(default=None, ge=0.0, le=10.0, allow_inf_nan=False)
    top_p: float | None = limited("top_p", None)
    top_k: int | None = limited("top_k", None)
    seed: int | None = limited("seed", None)
    recipe: str | None = Field(default=None, min_length=1, max_length=60)
    tokens_per_step: int | None = limited("tokens_to_select", None, "diffusion: tokens of a step")
    block_length: int | None = limited("block_length", None)

    @field_validator("recipe")
    @classmethod
    def _known(cls, value: str | None) -> str | None:
        if value is not None and value not in RECIPES:
            raise ValueError("is no recipe of this site")
        return value

    def given(self) -> dict[str, Any]:
        """What was given, as it is kept."""
        return self.model_dump(exclude_none=True)


def _is_seen(character: str) -> bool:
    """Not a space, a control character, or one that only joins or directs others."""
    return not (character.isspace() or unicodedata.category(character) in ("Cc", "Cf"))


class Written(Message):
    """A message with a text of somebody's."""

    message: str = text("prompt", low=1, meaning="the text")

    @field_validator("message")
    @classmethod
    def _not_blank(cls, value: str) -> str:
        if not any(map(_is_seen, value)):
            raise ValueError("must hold more than spaces")
        return value


class Send(Written):
    """Say something; the model answers. Without a conversation a new one begins."""

    conversation_id: str | None = conversation_field(None)
    model: str | None = Field(default=None, min_length=1, max_length=200, description="its model")
    system_prompt: str | None = text("prompt", None, "what the model is told first")
    settings: ChatSettings | None = None
    draft: bool = Field(default=False, description="also tell what the canvas looks like meanwhile")


class AboutConversation(Message):
    """A message about a conversation: the named one, or the socket's own."""

    needs_target = True
    conversation_id: str | None = conversation_field(None)


class AboutMessage(AboutConversation):
    """A message about one message of a conversation."""

    message_id: int = Field(ge=1, le=2**53 - 1, description="id of the message")


class Stop(AboutConversation):
    """End the answer that is being written; what was written stays and can be continued."""


class Edit(AboutMessage, Written):
    """Another text for a message, on a branch of its own; a user's is answered anew."""


class Regenerate(AboutMessage):
    """Another answer, on a branch of its own."""

    settings: ChatSettings | None = None


class Continue(AboutMessage):
    """Write on where an answer ended."""


class Choose(AboutMessage):
    """Another token at a place of an answer: a branch on which the model writes on from there."""

    number: int = Field(ge=0, le=100_000, description="the token's place in the answer, from 0")
    token: int = limited("token_id", ..., "one of the alternatives that are kept with the place")


class Show(AboutMessage):
    """Show the branch that a message is on."""


class Older(AboutConversation):
    """Turns above one of the shown line."""

    before: int = Field(ge=1, le=2**53 - 1, description="id of the oldest message that you have")


class Change(AboutConversation):
    """Change what stands over a conversation; what is not given stays."""

    title: str | None = Field(default=None, min_length=1, max_length=TITLE)
    folder: str | None = Field(default=None, max_length=FOLDER)
    system_prompt: str | None = text("prompt", None, "what the model is told first")
    model: str | None = Field(default=None, min_length=1, max_length=200)
    settings: ChatSettings | None = None
    archived: bool | None = None


class Share(AboutConversation):
    """Make a link through which others may read the conversation, or write in it too."""

    name: str = Field(default="", max_length=100, description="for whom or what it is")
    hours: int | None = Field(default=None, ge=1, le=8760, description="how long it opens it")
    may_write: bool = Field(default=False, description="its holders may write turns too")


class Unshare(AboutConversation):
    """Revoke a link."""

    link: int = Field(ge=1, le=2**53 - 1, description="id of the link")


class Delete(AboutConversation):
    """Put the conversation away; `restore` brings it back."""


class Restore(Message):
    """Bring a deleted conversation back."""

    conversation_id: str = conversation_field()

"""Messages about sessions, streams and runs."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from core.commands.fields import Message, limited
from inference.catalog import DEFAULT_RECIPE
from visualizer.fields import POSITION_KEYS, Position, SessionMessage, TokenId, session_id_field


class ListSessions(Message):
    """Your sessions, newest first."""

    before: str | None = Field(
        default=None, max_length=40, description="page on: the `updated` of the last one seen"
    )
    limit: int = Field(default=50, ge=1, le=200, description="how many")


class OpenSession(Message):
    """Make a session the socket's own and follow its events."""

    needs_target = True

    session_id: str = session_id_field()


class Resume(SessionMessage):
    """Follow the events of a session from a number on; a snapshot if there are too many."""

    after: int | None = limited("event_number", None, "the last event that you saw")


class RenameSession(SessionMessage):
    """Give the session another title."""

    title: str = Field(min_length=1, max_length=200, description="the new title")


class DeleteSession(SessionMessage):
    """Put the session away; restore_session brings it back."""


class RestoreSession(Message):
    """Bring a deleted session back."""

    session_id: str = session_id_field()


class Stage(SessionMessage):
    """Keep hand-picked tokens beside the canvas, not applied yet."""

    selections: Annotated[
        dict[Position, TokenId | None],
        POSITION_KEYS,
        Field(max_length=1024, description="position → token id, null to take one back"),
    ]
    replace: bool = Field(default=False, description="forget what was staged before")


class Run(SessionMessage):
    """Generate with a recipe; every step is an event."""

    recipe: str = Field(
        default=DEFAULT_RECIPE, min_length=1, max_length=60, description="a recipe's name"
    )
    tokens_per_step: int | None = limited("tokens_to_select", None, "positions written by a step")
    parameters: dict[str, Any] = Field(
        default_factory=dict, description="the recipe's own parameters"
    )
    max_steps: int | None = Field(default=None, ge=1, le=100_000, description="steps at most")
    keep_settled: bool = Field(
        default=False,
        description="each pass also reads and keeps the tokens that are written, for `regrets`",
    )


class Stop(SessionMessage):
    """Stop the session's run after the step that is being made."""

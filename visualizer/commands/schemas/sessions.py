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
    seed: int | None = limited("seed", None, "of its random numbers; the session's by default")
    keep_settled: bool = Field(
        default=False,
        description="each pass also reads and keeps the tokens that are written, for `regrets`",
    )


class StageText(SessionMessage):
    """Stage the tokens of a text from a masked position on."""

    position: Position = Field(description="where the first of them goes")
    text: str = Field(min_length=1, max_length=200, description="any text; blanks count")


class RunAgain(SessionMessage):
    """Generate once more from where a branch's last run began, each time on a new branch."""

    branch: int | None = Field(default=None, ge=1, le=2**53, description="the current branch's id")
    recipe: str | None = Field(
        default=None, min_length=1, max_length=60, description="a recipe's name; the former one"
    )
    tokens_per_step: int | None = limited("tokens_to_select", None, "positions written by a step")
    parameters: dict[str, Any] | None = Field(
        default=None, description="the recipe's own; the former ones for the former recipe"
    )
    seed: int | None = limited("seed", None, "of the first run; the former one by default")
    times: int = Field(default=1, ge=1, le=8, description="so many runs, each with the next seed")
    keep_settled: bool = Field(default=False, description="as in `run`")


class Choose(SessionMessage):
    """Write another token at a step, which begins a new branch there, and go on if asked."""

    step: int = limited("step", 0, "the state in which the position is masked")
    branch: int | None = Field(default=None, ge=1, le=2**53, description="the current branch's id")
    position: Position = Field(description="a masked position of that state")
    token: TokenId = Field(description="the token to write")
    go_on: bool = Field(default=False, description="generate the rest with the recipe")
    recipe: str | None = Field(
        default=None, min_length=1, max_length=60, description="a recipe's name; that of the branch"
    )
    tokens_per_step: int | None = limited("tokens_to_select", None, "positions written by a step")
    parameters: dict[str, Any] = Field(
        default_factory=dict, description="the recipe's own parameters"
    )


class Stop(SessionMessage):
    """Stop the session's run after the step that is being made."""

"""Messages about links through which others may look at a session."""

from __future__ import annotations

from pydantic import Field

from visualizer.fields import SessionMessage

YEAR = 366 * 24


class Share(SessionMessage):
    """Make a link: whoever has it may look at the session, live and without an account."""

    name: str = Field(default="", max_length=100, description="for whom or what it is")
    hours: int | None = Field(
        default=None,
        ge=1,
        le=YEAR,
        description="how long it opens the session; null: until revoked",
    )


class Unshare(SessionMessage):
    """Revoke a link; whoever looks through it is sent away."""

    link: int = Field(ge=1, le=2**53, description="the link's id")


class ListLinks(SessionMessage):
    """The links to the session that have not been revoked, newest first."""

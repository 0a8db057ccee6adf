"""Requests about sessions, and the way from a message to its session."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from core.commands.fields import Message
from core.commands.table import CommandTable
from core.commands.table import Request as AnyRequest
from core.jobs.models import CommandRow
from inference.errors import UnmaskError
from visualizer.models import Command, Session, Step
from visualizer.selectors.readers import Owner, Reader
from visualizer.selectors.sessions import session_for
from visualizer.services.sessions import hold


@dataclass(frozen=True, slots=True)
class Request(AnyRequest):
    """A request whose target, if it has one, is a session."""

    @property
    def asker(self) -> Reader:
        """Who asks: an account, or whoever holds a link."""
        return self.reader or Owner(self.user)

    @property
    def session(self) -> Session:
        """The session, which the table says is needed. Raises UnmaskError without one."""
        if self.target is None:
            raise no_generation()
        session: Session = self.target
        return session


class SessionCommands(CommandTable):
    """Commands of the visualizer: their target is a session of the asker's."""

    model = Command
    request = Request
    read_only = (
        "You are looking at a shared session: it can be read, not changed. "
        "Make a copy to work on it."
    )

    def resolve_target(self, user: Any, message: Message, own: Any) -> Session:
        """`own`: the socket's session, read again here as one of the user's."""
        named = getattr(message, "session_id", None)
        if named is None and own is None:
            raise no_generation()
        return session_for(user, named or own.pk)

    def load_target(self, command: CommandRow) -> Session | None:
        id = getattr(command, "session_id", None)
        rows = Session.objects.select_related("model__vocabulary", "head_branch")
        return None if id is None else rows.get(pk=id)

    @contextmanager
    def writing(self, request: AnyRequest) -> Iterator[None]:
        """A refusal is a conflict if the current step was written after the command had come in.

        Whoever sent it meant another state; nothing is wrong with the command itself.
        """
        try:
            yield
        except UnmaskError as error:
            if error.error_type != "validation" or not _moved(request):
                raise
            raise UnmaskError(
                "conflict",
                "Somebody else was quicker: the session is at step "
                f"{request.target.head_number} now. Look at it and repeat.",
                error.field,
            ) from None

    def lock_target(self, target: Any) -> None:
        hold(target)


def _moved(request: AnyRequest) -> bool:
    session = request.target
    if session is None:
        return False
    head = Step.objects.filter(branch=session.head_branch_id, number=session.head_number)
    return head.filter(created__gt=request.command.created).exists()


def no_generation() -> UnmaskError:
    """A command on a session came before there was one."""
    return UnmaskError("validation", "No generation initialized")

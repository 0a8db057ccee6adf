"""The one way in for commands, whatever they came through: socket, form or HTTP."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from django.db import transaction

from inference.errors import UnmaskError, internal_error
from visualizer.commands.table import CommandSpec, Place
from visualizer.commands.validation import validate
from visualizer.fields import Message
from visualizer.models import Command, Session
from visualizer.selectors.sessions import session_for
from visualizer.services import commands, dispatch

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Request:
    """What a web handler is given: who asks, about which session, and what."""

    user: Any
    session: Session | None
    message: Any
    command: Command

    @property
    def owned(self) -> Session:
        """The session, which the table says is needed."""
        if self.session is None:
            raise UnmaskError("validation", "No generation initialized")
        return self.session

    @property
    def brief(self) -> bool:
        """Pages live on events: their replies carry no state."""
        return self.command.channel != "api"


Handler = Callable[[Request], dict[str, Any]]


def submit(
    *, user: Any, channel: str, message: dict[str, Any], session: Session | None = None
) -> Command:
    """Validate, write down and carry out or dispatch a command.

    The row that is returned holds the reply already if the command needs the database only, or if
    its request_id is a repeat of one that has been answered. Raises UnmaskError for a message that
    is refused; a command that fails later has the error as its reply.
    """
    spec, typed = validate(message)
    target = _target(user, spec, typed, session)
    with transaction.atomic():
        command, fresh = commands.record(
            user=user, channel=channel, message=message, session=target
        )
        if fresh:
            _ROUTES[spec.place](Request(user, target, typed, command), spec)
    return command


def _target(
    user: Any, spec: CommandSpec, typed: Message, session: Session | None
) -> Session | None:
    if not spec.needs_session:
        return None
    named = getattr(typed, "session_id", None)
    if named is None and session is None:
        raise UnmaskError("validation", "No generation initialized")
    return session_for(user, named or session.pk)  # type: ignore[union-attr]


def _answer(request: Request, spec: CommandSpec) -> None:
    """Carry a web command out; what it changed is undone if it fails."""
    try:
        with transaction.atomic():
            reply = handler_of(spec)(request)
            commands.finish(command=request.command, reply=reply)
    except UnmaskError as error:
        commands.finish_failed(command=request.command, error=error)
    except Exception:
        log.exception("command %s failed", spec.name)
        commands.finish_failed(command=request.command, error=internal_error())


def _turn(request: Request, spec: CommandSpec) -> None:
    dispatch.advance(request.owned.pk)


def _worker(request: Request, spec: CommandSpec) -> None:
    dispatch.execute(request.command.pk)


_ROUTES: dict[Place, Callable[[Request, CommandSpec], None]] = {
    Place.WEB: _answer,
    Place.TURN: _turn,
    Place.WORKER: _worker,
}


def handler_of(spec: CommandSpec) -> Any:
    """The function that carries a command out. Worker handlers are imported by workers only."""
    module, _, name = spec.handler.rpartition(".")
    return getattr(import_module(module), name)

"""The one way in for commands, whatever they came through: socket, form or HTTP."""

from __future__ import annotations

import json
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
from visualizer.selectors.readers import Holder, Owner, Reader, session_read_by
from visualizer.selectors.sessions import session_for
from visualizer.services import commands, dispatch
from visualizer.services.sessions import hold

log = logging.getLogger(__name__)
SHARED = (
    "You are looking at a shared session: it can be read, not changed. Make a copy to work on it."
)


@dataclass(frozen=True, slots=True)
class Request:
    """What a web handler is given: who asks, about which session, and what."""

    user: Any
    session: Session | None
    message: Any
    command: Command
    holder: Holder | None = None

    @property
    def reader(self) -> Reader:
        """Who reads: an account, or whoever holds a link."""
        return self.holder or Owner(self.user)

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
            if request.session is not None and not spec.reads:
                hold(request.session)  # it was read before this transaction began
            reply = handler_of(spec)(request)
            commands.finish(command=request.command, reply=reply | dict.fromkeys(spec.once))
        _tell_once(request.command, {name: reply[name] for name in spec.once})
    except UnmaskError as error:
        commands.finish_failed(command=request.command, error=error)
    except Exception:
        log.exception("command %s failed", spec.name)
        commands.finish_failed(command=request.command, error=internal_error())


def _tell_once(command: Command, secrets: dict[str, Any]) -> None:
    """Put what must not be kept into the reply that is on its way, not into the row."""
    if secrets:
        command.reply = commands.as_json(json.loads(command.reply) | secrets)


def read(*, holder: Holder, message: dict[str, Any]) -> dict[str, Any]:
    """Answer a reader of a shared session, who has no account and leaves no row behind.

    Raises UnmaskError: auth for everything that is not plain reading, not_found for other sessions.
    """
    spec, typed = validate(message)
    if not spec.reads:
        raise UnmaskError("auth", SHARED)
    session = session_read_by(holder, getattr(typed, "session_id", None))
    command = Command(type=spec.name, channel="reader", message=message)
    reply: dict[str, Any] = handler_of(spec)(Request(None, session, typed, command, holder))
    given = message.get("request_id")
    return {**reply, "request_id": given} if given else reply


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

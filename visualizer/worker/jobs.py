"""Carrying out one command: compute first, then write everything in one fenced transaction."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import F

from inference.errors import UnmaskError, correlation_id, internal_error
from inference.events import gathered
from inference.runtime.error_mapping import engine_errors
from visualizer.commands.door import handler_of
from visualizer.commands.validation import validate
from visualizer.models import Command, Session
from visualizer.services import commands, leases
from visualizer.services.leases import Lease, LeaseLost
from visualizer.services.sessions import hold

log = logging.getLogger(__name__)
ATTEMPTS = 3
Write = Callable[[], dict[str, Any]]
"""The second half of a handler: runs inside the transaction and returns the reply."""


@dataclass(frozen=True, slots=True)
class Job:
    """What a worker's handler is given. It may take its time, and returns its writing half."""

    command: Command
    message: Any
    session: Session

    @property
    def user(self) -> Any:
        return self.command.user

    @property
    def brief(self) -> bool:
        """Pages live on events: their replies carry no state."""
        return self.command.channel != "api"


def carry_out(command: Command, lease: Lease | None) -> None:
    """Compute, write and answer. Raises LeaseLost when somebody else has taken the session over."""
    token = correlation_id.set(command.correlation_id)
    try:
        _attempt(command, lease)
    except LeaseLost:
        raise
    except UnmaskError as error:
        _fail(command, lease, error)
    except Exception:
        log.exception("command %s failed", command.type)
        _fail(command, lease, internal_error())
    finally:
        correlation_id.reset(token)


def _attempt(command: Command, lease: Lease | None) -> None:
    _count(command, lease)
    spec, message = validate(command.message)
    session = _session(command)
    with leases.kept(lease or command.pk), engine_errors():
        write: Write = handler_of(spec)(Job(command, message, session))
    with fenced(lease), gathered():
        if lease is not None:
            hold(session)
        commands.finish(command=command, reply=write())


def _count(command: Command, lease: Lease | None) -> None:
    """A command that has ended its worker again and again is given up."""
    if lease is not None:
        Command.objects.filter(pk=command.pk).update(attempts=F("attempts") + 1)
    if command.attempts >= ATTEMPTS:
        raise UnmaskError("generation", "This command ended its worker several times; it is void.")


def _session(command: Command) -> Session:
    if command.session_id is None:
        return Session()
    return Session.objects.select_related("model__vocabulary", "head_branch").get(
        pk=command.session_id
    )


def _fail(command: Command, lease: Lease | None, error: UnmaskError) -> None:
    try:
        with fenced(lease):
            commands.finish_failed(command=command, error=error)
    except UnmaskError:
        log.info("command %s was answered by somebody else", command.type)


@contextmanager
def fenced(lease: Lease | None) -> Iterator[None]:
    """One transaction that holds only while the lease does."""
    with transaction.atomic():
        if lease is not None:
            leases.check(lease)
        yield

"""What every socket asks the database."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from accounts.sockets import still_allowed
from core.commands.submit import submit as submit_command
from core.commands.table import CommandTable
from core.jobs.models import CommandRow
from core.sockets.threads import COMMANDS, EVENTS, SHARES, in_lane
from inference.events import Backlog, backlog

in_events_lane = in_lane(EVENTS)


class Unwelcome(Exception):
    """The socket's caller is nobody any more."""


@in_events_lane
def allowed(scope: dict[str, Any]) -> bool:
    """Whether the socket's caller is still signed in."""
    return still_allowed(scope)


async def submit(
    table: CommandTable, scope: dict[str, Any], channel: str, message: dict[str, Any], own: Any
) -> CommandRow:
    """Carry out or dispatch a command; `own`: the socket's target. Raises Unwelcome."""
    async with SHARES.of(scope["user"].pk):
        return await _submit(table, scope, channel, message, own)


@in_lane(COMMANDS)
def _submit(
    table: CommandTable, scope: dict[str, Any], channel: str, message: dict[str, Any], own: Any
) -> CommandRow:
    if not still_allowed(scope):
        raise Unwelcome
    return submit_command(table, user=scope["user"], channel=channel, message=message, target=own)


@in_events_lane
def reply_of(command: CommandRow) -> str:
    """A command's reply, empty while it is pending."""
    rows = type(command)._default_manager.filter(pk=command.pk)
    return rows.values_list("reply", flat=True).first() or ""


@in_events_lane
def events_since(stream: UUID | str, number: int, limit: int) -> Backlog:
    """Events of a stream after a number, and whether some of them have been pruned."""
    return backlog(stream, number, limit)

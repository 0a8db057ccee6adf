"""Submitting commands: validate, write down, carry out or dispatch, whatever the channel."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

from django.db import transaction

from core.commands import lifecycle
from core.commands.encoding import as_json
from core.commands.table import Channel, CommandSpec, CommandTable, Request, RunsOn
from core.commands.validation import validate
from core.jobs import dispatch
from core.jobs.models import CommandRow
from inference.errors import UnmaskError, internal_error

log = logging.getLogger(__name__)


def submit(
    table: CommandTable, *, user: Any, channel: str, message: dict[str, Any], target: Any = None
) -> CommandRow:
    """Validate, write down and carry out or dispatch a command.

    `target`: the socket's own, for messages that name none. The row that is returned holds the
    reply already if the command needs the database only, or if its request_id is a repeat of one
    that has been answered. Raises UnmaskError for a message that is refused; a command that fails
    later has the error as its reply.
    """
    spec, typed = validate(table, message)
    found = table.resolve_target(user, typed, target) if spec.needs_target else None
    with transaction.atomic():
        command, fresh = lifecycle.record(
            table, user=user, channel=channel, message=message, target=found
        )
        if fresh:
            _ROUTES[spec.runs_on](table, spec, table.request(user, found, typed, command))
    return command


def _answer(table: CommandTable, spec: CommandSpec, request: Request) -> None:
    """Carry a web command out; what it changed is undone if it fails."""
    try:
        with transaction.atomic():
            if request.target is not None and not spec.reads:
                table.lock_target(request.target)  # it was read before this transaction began
            reply = spec.load_handler()(request)
            kept = reply | dict.fromkeys(spec.once)
            lifecycle.finish(spec, command=request.command, reply=kept)
        _tell_once(request.command, {name: reply[name] for name in spec.once})
    except UnmaskError as error:
        lifecycle.finish_failed(spec, command=request.command, error=error)
    except Exception:
        log.exception("command %s failed", spec.name)
        lifecycle.finish_failed(spec, command=request.command, error=internal_error())


def _tell_once(command: CommandRow, secrets: dict[str, Any]) -> None:
    """Put what must not be kept into the reply that is on its way, not into the row."""
    if secrets:
        command.reply = as_json(json.loads(command.reply) | secrets)


def _send_to_lease_holder(table: CommandTable, spec: CommandSpec, request: Request) -> None:
    dispatch.work(request.target)


def _send_to_any_worker(table: CommandTable, spec: CommandSpec, request: Request) -> None:
    dispatch.carry_out(request.command)


_ROUTES: dict[RunsOn, Callable[[CommandTable, CommandSpec, Request], None]] = {
    RunsOn.WEB: _answer,
    RunsOn.LEASE: _send_to_lease_holder,
    RunsOn.WORKER: _send_to_any_worker,
}


def read(
    table: CommandTable,
    *,
    reader: Any,
    message: dict[str, Any],
    find: Callable[[Any], Any],
) -> dict[str, Any]:
    """Answer a reader of something shared, who has no account and leaves no row behind.

    `find(typed message)`: the target that the reader may see. Raises UnmaskError: auth for
    everything that is not plain reading, and what `find` raises.
    """
    spec, typed = validate(table, message)
    if not spec.reads:
        raise UnmaskError("auth", table.read_only)
    command = table.model(type=spec.name, channel=Channel.READER, message=message)
    reply: dict[str, Any] = spec.load_handler()(
        table.request(None, find(typed), typed, command, reader)
    )
    given = message.get("request_id")
    return {**reply, "request_id": given} if given else reply

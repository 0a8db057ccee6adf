"""The life of a command: written once, carried out once, answered as often as asked."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from django.db import IntegrityError, transaction
from django.utils import timezone

from core.commands.encoding import as_json
from core.commands.table import CommandSpec, CommandTable
from core.jobs.models import CommandRow
from inference.bells import send
from inference.errors import UnmaskError, correlation_id, error_shape, new_correlation_id
from inference.events import user_group
from inference.limits import MESSAGE_BYTES

BELL_BYTES = 512 * 1024
"""Replies up to this size ride on the bell; whoever waits for a larger one reads the row."""


def record(
    table: CommandTable, *, user: Any, channel: str, message: dict[str, Any], target: Any
) -> tuple[CommandRow, bool]:
    """The command's row, and whether it is new. A repeated request_id returns the former row.

    Raises UnmaskError (conflict) when the same request_id named another command.
    """
    name = message.get("request_id") or uuid4().hex
    columns = {
        "user": user,
        "request_id": name,
        "type": message["type"],
        "message": message,
        "channel": channel,
        "correlation_id": correlation_id.get() or new_correlation_id(),
        table.model.TARGET: target,
    }
    try:
        with transaction.atomic():
            return table.model._default_manager.create(**columns), True
    except IntegrityError:
        former = table.model._default_manager.filter(user=user, request_id=name).first()
        if former is None:  # something else than the name was at fault
            raise
        return _same(table, former, message), False


def _same(table: CommandTable, command: CommandRow, message: dict[str, Any]) -> CommandRow:
    spec = table.get(command.type)
    if spec is None or _kept(spec, command.message) != _kept(spec, message):
        raise UnmaskError(
            "conflict", "This request_id already named another command.", "request_id"
        )
    return command


def _kept(spec: CommandSpec, message: dict[str, Any]) -> dict[str, Any]:
    """The message without what is not kept once it has been answered."""
    return {key: value for key, value in message.items() if key not in spec.bulk}


def finish(
    spec: CommandSpec, *, command: CommandRow, reply: dict[str, Any], failed: bool = False
) -> None:
    """Inside the transaction of what the command changed: write its reply; the bell follows.

    Raises UnmaskError (conflict) if it has been answered already, which undoes the transaction.
    """
    text = as_json(_named(command, reply))
    size = len(text.encode())
    if size > MESSAGE_BYTES:
        raise UnmaskError(
            "validation", "The answer would be larger than 10 MB. Ask for fewer candidates."
        )
    state = CommandRow.State.FAILED if failed else CommandRow.State.DONE
    rows = type(command)._default_manager
    pending = rows.filter(pk=command.pk, state=CommandRow.State.PENDING)
    kept = _kept(spec, command.message)
    if not pending.update(state=state, reply=text, finished=timezone.now(), message=kept):
        raise UnmaskError("conflict", "This command has been answered already.")
    command.state, command.reply = state, text
    inline = text if size < BELL_BYTES else None
    bell = {"type": "answer", "command": key_of(command), "reply": inline}
    transaction.on_commit(lambda: send(user_group(command.user_id), bell))


def key_of(command: CommandRow) -> str:
    """What the bell of a reply calls a command: apps have tables of their own."""
    return f"{command._meta.label_lower}:{command.pk}"


def finish_failed(spec: CommandSpec, *, command: CommandRow, error: UnmaskError) -> None:
    """Answer with the one error shape, and what the command's failures carry besides."""
    token = correlation_id.set(command.correlation_id)
    try:
        shape = error_shape(error) | dict(spec.failure)
        finish(spec, command=command, reply=shape, failed=True)
    finally:
        correlation_id.reset(token)


def _named(command: CommandRow, reply: dict[str, Any]) -> dict[str, Any]:
    given = command.message.get("request_id")
    return {**reply, "request_id": given} if given else reply

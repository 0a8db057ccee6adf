"""The life of a command: written once, carried out once, answered as often as asked."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

from django.db import IntegrityError, transaction
from django.utils import timezone

from inference.bells import send
from inference.errors import UnmaskError, correlation_id, error_shape, new_correlation_id
from inference.events import user_group
from inference.limits import MESSAGE_BYTES
from visualizer.models import Command, Session

BELL_BYTES = 512 * 1024
"""Replies up to this size ride on the bell; whoever waits for a larger one reads the row."""


def as_json(reply: dict[str, Any]) -> str:
    """The text that goes over the wire; never NaN or Infinity."""
    return json.dumps(reply, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def record(
    *, user: Any, channel: str, message: dict[str, Any], session: Session | None
) -> tuple[Command, bool]:
    """The command's row, and whether it is new. A repeated request_id returns the former row.

    Raises UnmaskError (conflict) when the same request_id named another command.
    """
    name = message.get("request_id") or uuid4().hex
    try:
        with transaction.atomic():
            return _create(user, channel, message, session, name), True
    except IntegrityError:
        return _former(user, name, message), False


def _create(
    user: Any, channel: str, message: dict[str, Any], session: Session | None, name: str
) -> Command:
    return Command.objects.create(
        user=user,
        session=session,
        request_id=name,
        type=message["type"],
        message=message,
        channel=channel,
        correlation_id=correlation_id.get() or new_correlation_id(),
    )


def _former(user: Any, name: str, message: dict[str, Any]) -> Command:
    command = Command.objects.get(user=user, request_id=name)
    if _without_bulk(command.message) != _without_bulk(message):
        raise UnmaskError(
            "conflict", "This request_id already named another command.", "request_id"
        )
    return command


def _without_bulk(message: dict[str, Any]) -> dict[str, Any]:
    """The message without a client's logits, which are not kept once it has been answered."""
    return {key: value for key, value in message.items() if key != "raw_logits"}


def finish(*, command: Command, reply: dict[str, Any], failed: bool = False) -> None:
    """Inside the transaction of what the command changed: write its reply; the bell follows.

    Raises UnmaskError (conflict) if it has been answered already, which undoes the transaction.
    """
    text = as_json(_named(command, reply))
    size = len(text.encode())
    if size > MESSAGE_BYTES:
        raise UnmaskError(
            "validation", "The answer would be larger than 10 MB. Ask for fewer candidates."
        )
    state = Command.State.FAILED if failed else Command.State.DONE
    pending = Command.objects.filter(pk=command.pk, state=Command.State.PENDING)
    kept = _without_bulk(command.message)
    if not pending.update(state=state, reply=text, finished=timezone.now(), message=kept):
        raise UnmaskError("conflict", "This command has been answered already.")
    command.state, command.reply = state, text
    inline = text if size < BELL_BYTES else None
    bell = {"type": "answer", "command": command.pk, "reply": inline}
    transaction.on_commit(lambda: send(user_group(command.user_id), bell))


def finish_failed(*, command: Command, error: UnmaskError) -> None:
    """Answer with the one error shape."""
    token = correlation_id.set(command.correlation_id)
    try:
        finish(command=command, reply=failure_of(command, error), failed=True)
    finally:
        correlation_id.reset(token)


def failure_of(command: Command, error: UnmaskError) -> dict[str, Any]:
    """The error shape; load_model has an answer of its own, which carries it."""
    shape = error_shape(error)
    if command.type != "load_model":
        return shape
    return {
        **shape,
        "type": "model_load_result",
        "success": False,
        "model_path": None,
        "error": "Failed to load model from path",
    }


def _named(command: Command, reply: dict[str, Any]) -> dict[str, Any]:
    given = command.message.get("request_id")
    return {**reply, "request_id": given} if given else reply

"""Sending a command from a view and waiting for its reply without holding a thread."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

from asgiref.sync import sync_to_async

from inference.errors import UnmaskError
from visualizer import commands
from visualizer.models import Command, Session

Reply = dict[str, Any]
WAIT_SECONDS = 12.0
LOAD_WAIT_SECONDS = 60.0
LATE = "This takes a while. Refresh the page in a moment."
_FIRST, _LONGEST = 0.02, 0.25
_AFTER_LOADING = (0.0, 0.5, 1.0, 2.0)


async def ask(
    user: Any,
    message: dict[str, Any],
    session: Session | None = None,
    seconds: float = WAIT_SECONDS,
    late: str = LATE,
) -> Reply:
    """The command's reply.

    Raises UnmaskError: what refused the message, the error that the reply carries, or timeout with
    the words `late` while it is still being worked after `seconds`.
    """
    submit = sync_to_async(commands.submit)
    command = await submit(user=user, channel="page", message=message, session=session)
    deadline, pause = time.monotonic() + seconds, _FIRST
    while command.state == Command.State.PENDING and time.monotonic() < deadline:
        await asyncio.sleep(pause)
        pause = min(_LONGEST, pause * 1.5)
        await command.arefresh_from_db(fields=["state", "reply"])
    return _reply(command, late)


def ask_now(user: Any, message: dict[str, Any], session: Session | None = None) -> Reply:
    """The reply of a command that the web side answers at once. Raises UnmaskError."""
    command = commands.submit(user=user, channel="form", message=message, session=session)
    return _reply(command, LATE)


async def ask_model(
    user: Any,
    message: dict[str, Any],
    session: Session | None,
    slug: str,
    seconds: float = WAIT_SECONDS,
    late: str = LATE,
) -> Reply:
    """As `ask`; if no worker holds the model, it is loaded first and the command repeated."""
    try:
        return await ask(user, message, session, seconds, late)
    except UnmaskError as error:
        if error.error_type != "model_unavailable" or not slug:
            raise
        missing = error
    await ask(user, {"type": "load_model", "model_path": slug}, None, LOAD_WAIT_SECONDS, late)
    # A worker's word that it holds the model takes a moment to be known everywhere.
    for pause in _AFTER_LOADING:
        await asyncio.sleep(pause)
        try:
            return await ask(user, message, session, seconds, late)
        except UnmaskError as error:
            if error.error_type != "model_unavailable":
                raise
            missing = error
    raise missing


def _reply(command: Command, late: str) -> Reply:
    if not command.reply:
        raise UnmaskError("timeout", late)
    reply: Reply = json.loads(command.reply)
    if "error_type" in reply:
        raise UnmaskError(reply["error_type"], reply["message"], reply.get("field"))
    return reply

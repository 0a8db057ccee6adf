"""Sending a command from a form and waiting for its reply without holding a thread."""

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
_FIRST, _LONGEST = 0.02, 0.25
_AFTER_LOADING = (0.0, 0.5, 1.0, 2.0)


async def ask(
    user: Any, message: dict[str, Any], session: Session | None, seconds: float = WAIT_SECONDS
) -> Reply | None:
    """The command's reply, or None if it is still being worked after `seconds`.

    Raises UnmaskError for a message that is refused.
    """
    command = await sync_to_async(commands.submit)(
        user=user, channel="page", message=message, session=session
    )
    deadline, pause = time.monotonic() + seconds, _FIRST
    while command.state == Command.State.PENDING and time.monotonic() < deadline:
        await asyncio.sleep(pause)
        pause = min(_LONGEST, pause * 1.5)
        await command.arefresh_from_db(fields=["state", "reply"])
    return json.loads(command.reply) if command.reply else None


async def ask_model(
    user: Any, message: dict[str, Any], session: Session | None, slug: str, seconds: float
) -> Reply | None:
    """As `ask`; if no worker holds the model, it is loaded first and the command repeated."""
    reply = await ask(user, message, session, seconds)
    if reply is None or reply.get("error_type") != "model_unavailable" or not slug:
        return reply
    loading = {"type": "load_model", "model_path": slug}
    loaded = await ask(user, loading, None, LOAD_WAIT_SECONDS)
    if not loaded or not loaded.get("success"):
        return loaded
    return await _ask_loaded(user, message, session, seconds)


async def _ask_loaded(
    user: Any, message: dict[str, Any], session: Session | None, seconds: float
) -> Reply | None:
    """A worker's word that it holds the model takes a moment to be known everywhere."""
    reply: Reply | None = None
    for pause in _AFTER_LOADING:
        await asyncio.sleep(pause)
        reply = await ask(user, message, session, seconds)
        if reply is None or reply.get("error_type") != "model_unavailable":
            break
    return reply


def failure_of(reply: Reply) -> UnmaskError | None:
    """The error that a reply carries, if it carries one."""
    if "error_type" not in reply:
        return None
    return UnmaskError(reply["error_type"], reply["message"], reply.get("field"))

"""Asking from a view: submit a command and wait for its reply without holding a thread."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer

from core.commands.submit import submit
from core.commands.table import Channel, CommandTable
from core.jobs.models import CommandRow
from inference.errors import UnmaskError
from inference.events import user_group

Reply = dict[str, Any]
WAIT_SECONDS = 12.0
LOAD_WAIT_SECONDS = 60.0
"""For commands that may have to load a model first."""
LATE = "This takes a while. Refresh the page in a moment."
POLL_SECONDS = 0.25
"""A bell that was lost costs this much."""


async def ask(
    table: CommandTable,
    user: Any,
    message: dict[str, Any],
    target: Any = None,
    seconds: float = WAIT_SECONDS,
    late: str = LATE,
) -> Reply:
    """The command's reply.

    Raises UnmaskError: what refused the message, the error that the reply carries, or timeout with
    the words `late` while it is still being worked after `seconds`.
    """
    return reply_of(await begin(table, user, message, target, seconds), late)


async def begin(
    table: CommandTable, user: Any, message: dict[str, Any], target: Any, seconds: float
) -> CommandRow:
    """The command's row, after `seconds` at most: it may still be pending then.

    Raises UnmaskError: what refused the message.
    """
    command = await sync_to_async(submit)(
        table, user=user, channel=Channel.PAGE, message=message, target=target
    )
    if command.state == CommandRow.State.PENDING:
        await _answered(command, time.monotonic() + seconds)
    return command


async def _answered(command: CommandRow, deadline: float) -> None:
    """Read the row again at each bell of its user's, and now and then, as one may get lost."""
    async with _bells(command.user_id) as rung:
        while time.monotonic() < deadline:
            await command.arefresh_from_db(fields=["state", "reply"])
            if command.state != CommandRow.State.PENDING:
                return
            await rung(min(POLL_SECONDS, max(0.0, deadline - time.monotonic())))


@asynccontextmanager
async def _bells(user: int) -> AsyncIterator[Callable[[float], Awaitable[None]]]:
    """Waits for the next bell of a user's, so many seconds at most."""
    layer = get_channel_layer()
    assert layer is not None
    channel = await layer.new_channel("asking")
    await layer.group_add(user_group(user), channel)

    async def rung(seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(layer.receive(channel), seconds)

    try:
        yield rung
    finally:
        await layer.group_discard(user_group(user), channel)


def ask_now(table: CommandTable, user: Any, message: dict[str, Any], target: Any = None) -> Reply:
    """The reply of a command that the web side answers at once. Raises UnmaskError."""
    command = submit(table, user=user, channel=Channel.FORM, message=message, target=target)
    return reply_of(command, LATE)


def reply_of(command: CommandRow, late: str = LATE) -> Reply:
    """The reply of a command's row. Raises UnmaskError: its error, or timeout without a reply."""
    if not command.reply:
        raise UnmaskError("timeout", late)
    reply: Reply = json.loads(command.reply)
    if "error_type" in reply:
        raise UnmaskError(reply["error_type"], reply["message"], reply.get("field"))
    return reply

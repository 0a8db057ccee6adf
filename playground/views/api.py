"""`POST /api/chat`: the whole answer, once it is there."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

from asgiref.sync import sync_to_async
from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from core.commands.ask import ask
from core.http.api import Account, StrictParser
from inference.errors import UnmaskError
from playground.commands import COMMANDS
from playground.models import Message
from playground.selectors.payloads import message_payload

log = logging.getLogger(__name__)
WAIT_SECONDS = 600.0
_FIRST, _LONGEST = 0.02, 0.25


@csrf_exempt
@require_POST
async def chat(request: HttpRequest) -> JsonResponse:
    """Send a message and wait for the end of its answer.

    The body is that of a `send` message.
    """
    user = await signed_in(request)
    message = {**json_body(request), "type": "send"}
    log.warning("[GENERATION] token_sender is None, tokens not being streamed!")
    reply = await ask(COMMANDS, user, message)
    return JsonResponse(_told(reply, await _ended(reply["message_id"])))


async def signed_in(request: HttpRequest) -> Any:
    """Who asks: by token, or by cookie with a CSRF token. Raises UnmaskError (auth)."""
    return await sync_to_async(Account())(request)


def json_body(request: HttpRequest) -> dict[str, Any]:
    """The object that a program or a page of this site sends. Raises UnmaskError."""
    return StrictParser().parse_body(request)


async def _ended(id: int) -> Message:
    """The answer when it is over. Raises UnmaskError: its error, or timeout."""
    deadline, pause = time.monotonic() + WAIT_SECONDS, _FIRST
    rows = Message.objects.select_related("model")
    while (message := await rows.aget(pk=id)).status in Message.ACTIVE:
        if time.monotonic() > deadline:
            raise UnmaskError(
                "timeout", f"The answer took longer than {WAIT_SECONDS:.0f} s; it is still made."
            )
        await asyncio.sleep(pause)
        pause = min(_LONGEST, pause * 1.5)
    if message.error:
        error = message.error
        raise UnmaskError(error["error_type"], error["message"], error.get("field"))
    return message


def _told(reply: dict[str, Any], message: Message) -> dict[str, Any]:
    """The answer with its counts at the top."""
    told = message_payload(message, [])
    told.pop("siblings")
    shared = ("finish_reason", "usage", "seconds", "tokens_per_second", "url")
    ids = {name: reply[name] for name in ("conversation_id", "conversation_file")}
    return {**ids, "message": told, **{name: told[name] for name in shared}}

"""`POST /api/generate-next-token`: the drawer's one question, with its four errors."""

from __future__ import annotations

from typing import Any

from asgiref.sync import sync_to_async
from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from core.commands.ask import LOAD_WAIT_SECONDS, ask
from inference.errors import UnmaskError, error_shape
from inference.models import ModelEntry
from playground.commands import COMMANDS
from playground.views.api import json_body, signed_in

NOT_FOUND, NOT_READY = "Session not found", "Model not initialized"
_READY = (ModelEntry.State.AVAILABLE, ModelEntry.State.LOADED, ModelEntry.State.LOADING)


@csrf_exempt
@require_POST
async def generate_next_token(request: HttpRequest) -> JsonResponse:
    """Ten probabilities and the token to go on with.

    `session_id` names an autoregressive model of the list. Answers
    {next_token, probabilities: [{token, prob}], context_used}, or {error} beside the error shape.
    With `ahead` the distributions after it follow, as many as time allows.
    """
    try:
        user = await signed_in(request)
        body = json_body(request)
        model = await sync_to_async(slug_of)(user, body.pop("session_id", None))
        message = {**body, "type": "next_token", "model": model}
        reply = await ask(COMMANDS, user, message, seconds=LOAD_WAIT_SECONDS)
    except UnmaskError as error:
        shape = {"error": _words(error), **error_shape(error)}
        return JsonResponse(shape, status=error.status)
    return JsonResponse({key: value for key, value in reply.items() if key != "type"})


def slug_of(user: Any, id: Any, field: str = "session_id", kind: str = "autoregressive") -> str:
    """The slug that a session's id names. Raises UnmaskError in the words of the interface."""
    if not isinstance(id, str) or not id or "\0" in id:
        raise UnmaskError("not_found", NOT_FOUND, field)
    entry = ModelEntry.visible_to(user).filter(slug=id, kind=kind).first()
    if entry is None:
        raise UnmaskError("not_found", NOT_FOUND, field)
    if entry.state not in _READY:
        raise UnmaskError("validation", NOT_READY, field)
    return entry.slug


def _words(error: UnmaskError) -> str:
    failed = error.status >= 500
    return f"Generation failed: {error.message}" if failed else error.message

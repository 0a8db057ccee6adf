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
    With `ahead` the distributions after it follow, as many as time allows. `training` tells of a
    model that is being trained here.
    """
    try:
        user = await signed_in(request)
        body = json_body(request)
        model = await sync_to_async(slug_of)(user, body.pop("session_id", None))
        training = await sync_to_async(training_of)(model)
        message = {**body, "type": "next_token", "model": model}
        reply = await ask(COMMANDS, user, message, seconds=LOAD_WAIT_SECONDS)
    except UnmaskError as error:
        shape = {"error": _words(error), **error_shape(error)}
        return JsonResponse(shape, status=error.status)
    told = {key: value for key, value in reply.items() if key != "type"}
    return JsonResponse({**told, "training": training})


def training_of(slug: str) -> dict[str, Any] | None:
    """`state` and `step` of the training that a model comes from, None without one here.

    Asked of the model's row: trainings are an app of their own that knows this one.
    """
    entry = ModelEntry.every.filter(slug=slug).first()
    training = entry and entry.trainings.order_by("-created").first()
    return {"state": training.state, "step": training.step} if training else None


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

"""Histories of the drawer over HTTP: list, keep, show, delete, export, import, score a text."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from core.commands.ask import LOAD_WAIT_SECONDS, ask
from core.commands.parsing import parse
from inference.errors import UnmaskError
from playground.commands import COMMANDS
from playground.records.token_trees import import_tree, tree_json
from playground.selectors.token_trees import list_payload, summary, tree_for, tree_payload
from playground.services.token_trees import delete_tree
from playground.views.api import json_body, signed_in
from playground.views.next_token import autoregressive_slug

RECORD_BYTES = 10 * 2**20


@require_http_methods(["GET", "HEAD", "POST"])
async def trees(request: HttpRequest) -> JsonResponse:
    """The user's histories; a POST keeps one ({model, text, tokens: [{parent, token}], …})."""
    user = await signed_in(request)
    if request.method != "POST":
        return JsonResponse({"trees": await sync_to_async(list_payload)(user)})
    return await _asked(user, "keep_tree", json_body(request))


@require_POST
async def score_text(request: HttpRequest) -> JsonResponse:
    """How probable a model finds a text, token by token ({model, text, prompt?})."""
    return await _asked(await signed_in(request), "score_text", json_body(request))


async def _asked(user: Any, name: str, body: dict[str, Any]) -> JsonResponse:
    """A command's reply, once the model that it names is known to write from left to right."""
    body["model"] = await sync_to_async(autoregressive_slug)(body.get("model"), "model")
    message = {**body, "type": name}
    reply = await ask(COMMANDS, user, message, seconds=LOAD_WAIT_SECONDS)
    return JsonResponse({key: value for key, value in reply.items() if key != "type"})


@login_required
@require_http_methods(["GET", "HEAD", "DELETE"])
def tree(request: HttpRequest, tree_id: UUID) -> HttpResponse:
    """A history as a whole; DELETE puts it away."""
    found = tree_for(request.user, tree_id)
    if request.method == "DELETE":
        delete_tree(tree=found)
        return HttpResponse(status=204)
    return JsonResponse(tree_payload(found))


@login_required
@require_safe
def export_tree(request: HttpRequest, tree_id: UUID) -> HttpResponse:
    """Its record."""
    found = tree_for(request.user, tree_id)
    answer = HttpResponse(tree_json(found), content_type="application/json")
    answer["Content-Disposition"] = f'attachment; filename="tokens-{str(found.pk)[:8]}.json"'
    return answer


@login_required
@require_POST
def bring_tree(request: HttpRequest) -> JsonResponse:
    """A history out of a record, which is the body."""
    if len(request.body) > RECORD_BYTES:
        most = f"{RECORD_BYTES // 2**20} MB"
        raise UnmaskError("validation", f"The record is larger than {most}.", "record")
    try:
        text = request.body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UnmaskError("validation", "This file is not a record in UTF-8.", "record") from None
    made = import_tree(owner=request.user, raw=parse(text, RECORD_BYTES))
    return JsonResponse({"tree": summary(made)})

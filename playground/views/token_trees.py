"""Histories of the drawer over HTTP: list, keep, show, delete, export, import, score a text."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from core.commands.ask import LOAD_WAIT_SECONDS, ask
from core.commands.fields import UUID as ID
from playground.commands import COMMANDS
from playground.records.token_trees import import_tree, tree_json
from playground.selectors.token_trees import list_payload, summary, tree_for, tree_payload
from playground.services.token_trees import delete_tree
from playground.views.api import json_body, signed_in
from playground.views.next_token import slug_of


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
async def trees(request: HttpRequest) -> JsonResponse:
    """The user's histories; a POST keeps one ({model, text, tokens: [{parent, token}], …})."""
    user = await signed_in(request)
    if request.method != "POST":
        return JsonResponse({"trees": await sync_to_async(list_payload)(user)})
    body = json_body(request)
    named = body.get("tree_id")
    if isinstance(named, str) and re.fullmatch(ID, named):
        await sync_to_async(tree_for)(user, named)
    return await _asked(user, "keep_tree", body)


@csrf_exempt
@require_POST
async def score_text(request: HttpRequest) -> JsonResponse:
    """How probable a model finds a text, token by token ({model, text, prompt?})."""
    return await _asked(await signed_in(request), "score_text", json_body(request))


@csrf_exempt
@require_POST
async def score_both(request: HttpRequest) -> JsonResponse:
    """How probable both kinds find a text ({model, masked_model, text, prompt?})."""
    user, body = await signed_in(request), json_body(request)
    slug = await sync_to_async(slug_of)(user, body.get("masked_model"), "masked_model", "diffusion")
    return await _asked(user, "score_both", {**body, "masked_model": slug})


async def _asked(user: Any, name: str, body: dict[str, Any]) -> JsonResponse:
    """A command's reply, once the model that it names is known to write from left to right."""
    body["model"] = await sync_to_async(slug_of)(user, body.get("model"), "model")
    message = {**body, "type": name}
    reply = await ask(COMMANDS, user, message, seconds=LOAD_WAIT_SECONDS)
    return JsonResponse({key: value for key, value in reply.items() if key != "type"})


@csrf_exempt
@require_http_methods(["GET", "HEAD", "DELETE"])
async def tree(request: HttpRequest, tree_id: UUID) -> HttpResponse:
    """A history as a whole; DELETE puts it away."""
    user = await signed_in(request)
    return await sync_to_async(_shown if request.method != "DELETE" else _deleted)(user, tree_id)


def _shown(user: Any, id: UUID) -> HttpResponse:
    return JsonResponse(tree_payload(tree_for(user, id)))


def _deleted(user: Any, id: UUID) -> HttpResponse:
    delete_tree(tree=tree_for(user, id))
    return HttpResponse(status=204)


@require_safe
async def export_tree(request: HttpRequest, tree_id: UUID) -> HttpResponse:
    """Its record."""
    return await sync_to_async(_exported)(await signed_in(request), tree_id)


def _exported(user: Any, id: UUID) -> HttpResponse:
    answer = HttpResponse(tree_json(tree_for(user, id)), content_type="application/json")
    answer["Content-Disposition"] = f'attachment; filename="tokens-{str(id)[:8]}.json"'
    return answer


@csrf_exempt
@require_POST
async def bring_tree(request: HttpRequest) -> JsonResponse:
    """A history out of a record, which is the body."""
    user = await signed_in(request)
    made = await sync_to_async(import_tree)(owner=user, raw=json_body(request))
    return JsonResponse({"tree": summary(made)})

"""`models`: list, load or switch, unload, and the account's own."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.http import HttpRequest
from ninja import Router

from core.commands.ask import ask
from inference import registry
from inference.errors import UnmaskError
from inference.models import ModelEntry
from visualizer.api import model_list
from visualizer.api.answers import LoadAnswer, ModelAnswer, ModelList, UnloadAnswer
from visualizer.api.defaults import defaults_of
from visualizer.api.errors import documented
from visualizer.api.requests import LoadRequest
from visualizer.commands import COMMANDS

router = Router(tags=["models"])
UNLOAD_SECONDS, LOOK_SECONDS = 15.0, 0.1
LATE = "The model is still loading. Ask for /api/diffusion/models to see how far it is."


@router.get("/models", response=documented(ModelList))
def models(request: HttpRequest) -> ModelList:
    """All diffusion models with what is known of them, and whether they are loaded."""
    return ModelList(models=model_list.listing(request.user))


@router.get("/models/current", response=documented(ModelAnswer))
def current(request: HttpRequest) -> ModelAnswer:
    """The model that is used where a request names none: the one you loaded last."""
    return model_list.answer_for(request.user, model_list.current(request.user))


@router.post("/models/{path:id}/load", response=documented(LoadAnswer))
async def load(request: HttpRequest, id: str, data: LoadRequest | None = None) -> LoadAnswer:
    """Load a model into a worker, on a device if one is named, and make it yours.

    One of another server is made yours only: it is loaded there.
    """
    started = time.monotonic()
    entry = await sync_to_async(model_list.named)(id, request.user)
    if entry.kind != ModelEntry.Kind.REMOTE:
        device = data.device if data else await sync_to_async(preferred_device)(request.user)
        message = {"type": "load_model", "model_path": entry.slug, "device": device}
        await ask(COMMANDS, request.user, message, seconds=settings.LOAD_TIMEOUT, late=LATE)
    await sync_to_async(model_list.choose)(request.user, entry)
    told = await sync_to_async(model_list.answer_for)(request.user, entry)
    return LoadAnswer(success=True, seconds=round(time.monotonic() - started, 3), model=told)


@router.post("/models/{path:id}/unload", response=documented(UnloadAnswer))
async def unload(request: HttpRequest, id: str) -> UnloadAnswer:
    """Have all workers give a model up; what computes with it is finished first.

    On a site of several people this is for staff: the model is everybody's.
    """
    if not (settings.EMBEDDED or request.user.is_staff):
        raise UnmaskError("auth", "Models of a site are unloaded by its staff.")
    entry = await sync_to_async(model_list.named)(id, request.user)
    await sync_to_async(registry.request_unload)(entry.slug)
    if not await _gone(entry):
        raise UnmaskError("timeout", "The workers have not given the model up yet.")
    told = await sync_to_async(model_list.answer_for)(request.user, entry)
    return UnloadAnswer(success=True, model=told)


def preferred_device(user: Any) -> str:
    """The account's own device, where it has chosen one."""
    return str(defaults_of(user).get("device", "auto"))


async def _gone(entry: ModelEntry) -> bool:
    """Whether no living worker holds the model any more, within a while."""
    deadline = time.monotonic() + UNLOAD_SECONDS
    while await sync_to_async(registry.is_held)(entry.slug):
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(LOOK_SECONDS)
    return True

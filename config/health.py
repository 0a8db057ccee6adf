"""Is the process up; is it able to serve."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from asgiref.sync import async_to_sync, iscoroutinefunction, sync_to_async
from channels.layers import get_channel_layer
from django.conf import settings
from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware
from django.views.decorators.http import require_safe

from inference.models import ModelEntry
from inference.registry import living_workers, takes_tasks

log = logging.getLogger(__name__)


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """The process answers."""
    return JsonResponse({"status": "ok"})


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Every part that a session needs; 503 with the reasons while one is missing."""
    reasons = {name: _reason(check) for name, check in CHECKS.items()}
    missing = {name: reason for name, reason in reasons.items() if reason}
    status = "ready" if not missing else "not ready"
    parts = {name: reason or "ok" for name, reason in reasons.items()}
    response = JsonResponse({"status": status, "parts": parts}, status=503 if missing else 200)
    if missing:
        log.info("not ready: %s", "; ".join(f"{name}: {why}" for name, why in missing.items()))
    # An answer, not an error: Django shall not log it as one.
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response


def _reason(check: Callable[[], str]) -> str:
    try:
        return check()
    except Exception as error:
        return f"failed: {type(error).__name__}"


def _database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return ""


def _channel_layer() -> str:
    layer = get_channel_layer()
    if layer is None:
        return "none configured"
    async_to_sync(layer.group_send)("health", {"type": "health"})
    return ""


def _worker() -> str:
    living = living_workers()
    if not living:
        return "no worker is alive"
    return "" if any(map(takes_tasks, living)) else "no worker takes tasks"


def _model() -> str:
    entry = ModelEntry.objects.filter(is_default=True).first()
    if entry is None:
        return "no default model" if settings.DEFAULT_MODEL else ""
    return "" if entry.state == ModelEntry.State.LOADED else f"the default model is {entry.state}"


CHECKS: dict[str, Callable[[], str]] = {
    "database": _database,
    "channel layer": _channel_layer,
    "worker": _worker,
    "model": _model,
}

PROBES: dict[str, Callable[[HttpRequest], HttpResponseBase]] = {
    "/healthz": healthz,
    "/readyz": readyz,
}


@sync_and_async_middleware
def probes(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Answers the probes before anything looks at the Host: machines ask by address."""

    def answer(request: HttpRequest) -> Any:
        probe = PROBES.get(request.path_info)
        return probe(request) if probe else get_response(request)

    async def answer_async(request: HttpRequest) -> Any:
        probe = PROBES.get(request.path_info)
        return await (sync_to_async(probe)(request) if probe else get_response(request))

    return answer_async if iscoroutinefunction(get_response) else answer

"""Is the process up; is it able to serve."""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe

from accounts.paths import path_inside
from core.http.health import reasons
from core.http.middleware import Work, middleware

log = logging.getLogger(__name__)


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """The process answers."""
    return JsonResponse({"status": "ok"})


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Every part that a session needs; 503 with the reasons while one is missing."""
    found = reasons()
    missing = {name: reason for name, reason in found.items() if reason}
    status = "ready" if not missing else "not ready"
    parts = {name: reason or "ok" for name, reason in found.items()}
    response = JsonResponse({"status": status, "parts": parts}, status=503 if missing else 200)
    if missing:
        log.info("not ready: %s", "; ".join(f"{name}: {why}" for name, why in missing.items()))
    # An answer, not an error: Django shall not log it as one.
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response


PROBES: dict[str, Callable[[HttpRequest], HttpResponseBase]] = {
    "/healthz": healthz,
    "/readyz": readyz,
}


@middleware
def probes(request: HttpRequest) -> Work:
    """Answers the probes before anything looks at the Host: machines ask by address."""
    return (yield PROBES.get(path_inside(request)))

"""Refusals below /api and /v1 that no route of theirs answers, in the shape that programs expect.

A method that a route does not have is answered by the framework, with words or nothing at all; a
bad token, a limit and an unknown address by middleware that knows nothing of `/v1`.
"""

from __future__ import annotations

import json

from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase

from accounts.paths import path_inside
from core.http.head import TYPED
from core.http.middleware import Work, middleware
from core.http.openai.errors import object_of
from inference.errors import UnmaskError, error_shape

JSON = "application/json"
OPENAI = "/v1/"
NO_METHOD = "This address does not take this method. The header Allow names those that it takes."


@middleware
def program_errors(request: HttpRequest) -> Work:
    """Every refusal of a program's request is JSON; below `/v1` as OpenAI's clients read it."""
    return _told(request, (yield None))


def _told(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    path = path_inside(request)
    if response.status_code < 400 or response.streaming or not path.startswith(TYPED):
        return response
    if response.status_code == 405:
        response = _with_headers(_no_method(), response)
    return _as_openai(response) if path.startswith(OPENAI) else response


def _no_method() -> JsonResponse:
    return JsonResponse(error_shape(UnmaskError("validation", NO_METHOD)), status=405)


def _as_openai(response: HttpResponseBase) -> HttpResponseBase:
    if response.headers.get("Content-Type") != JSON:
        return response
    shape = json.loads(getattr(response, "content", b"null"))
    if not isinstance(shape, dict) or shape.get("type") != "error":
        return response
    told = JsonResponse({"error": object_of(shape)}, status=response.status_code)
    return _with_headers(told, response)


def _with_headers(told: JsonResponse, before: HttpResponseBase) -> JsonResponse:
    """Those that say when and how to ask again, and cookies."""
    for name, value in before.headers.items():
        if name not in ("Content-Type", "Content-Length"):
            told.headers[name] = value
    told.cookies = before.cookies
    return told

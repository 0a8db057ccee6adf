"""Refusals that no view answers: in the shape that programs expect, or as a page.

A method that a route does not have is answered by the framework, with words or nothing at all; a
bad token, a limit and an unknown address by middleware that knows nothing of `/v1`.
"""

from __future__ import annotations

import json

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string

from accounts.paths import path_inside
from core.http.errors import is_htmx, is_program
from core.http.middleware import Work, middleware
from core.http.openai.errors import object_of
from inference.errors import UnmaskError, error_shape

JSON = "application/json"
OPENAI = "/v1/"
NO_METHOD = "This address does not take this method. The header Allow names those that it takes."


@middleware
def program_errors(request: HttpRequest) -> Work:
    """Every refusal of a program's request is JSON; below `/v1` as OpenAI's clients read it.

    Who opens the address of a form gets a page.
    """
    return _told(request, (yield None))


def _told(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    if response.status_code < 400 or response.streaming:
        return response
    if response.status_code == 405:
        response = _with_headers(_no_method(request), response)
    return _as_openai(response) if path_inside(request).startswith(OPENAI) else response


def _no_method(request: HttpRequest) -> HttpResponse:
    """The page is drawn without an account: here one may be on an event loop."""
    if is_program(request) or is_htmx(request):
        return JsonResponse(error_shape(UnmaskError("validation", NO_METHOD)), status=405)
    return HttpResponse(render_to_string("405.html"), status=405)


def _as_openai(response: HttpResponseBase) -> HttpResponseBase:
    if response.headers.get("Content-Type") != JSON:
        return response
    shape = json.loads(getattr(response, "content", b"null"))
    if not isinstance(shape, dict) or shape.get("type") != "error":
        return response
    told = JsonResponse({"error": object_of(shape)}, status=response.status_code)
    return _with_headers(told, response)


def _with_headers(told: HttpResponse, before: HttpResponseBase) -> HttpResponse:
    """Those that say when and how to ask again, and cookies."""
    for name, value in before.headers.items():
        if name not in ("Content-Type", "Content-Length"):
            told.headers[name] = value
    told.cookies = before.cookies
    return told

"""Failures as OpenAI's clients read them: `{"error": {message, type, param, code}}`."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse

from inference.errors import UnmaskError, error_shape

TYPES = {
    "validation": "invalid_request_error",
    "auth": "authentication_error",
    "not_found": "not_found_error",
    "rate_limit": "rate_limit_error",
    "conflict": "conflict_error",
}
"""Their names for our types; all others are `server_error`."""


SENT_AS = {"max_new_tokens": "max_tokens", "json_schema": "response_format"}
"""Names of fields here that `/v1` knows by others."""


def body_of(error: UnmaskError) -> dict[str, Any]:
    """A failure as the error object."""
    return object_of(error_shape(error))


def object_of(shape: dict[str, Any]) -> dict[str, Any]:
    """The error object; `code` is our own type, by which docs/service.md tells what to do."""
    return {
        "message": shape["message"],
        "type": TYPES.get(shape["error_type"], "server_error"),
        "param": SENT_AS.get(shape.get("field") or "", shape.get("field")),
        "code": shape["error_type"],
        "retryable": shape["retryable"],
        "correlation_id": shape["correlation_id"],
    }


def answer(request: HttpRequest, error: UnmaskError, status: int) -> HttpResponse:
    """Every failure of the door. A field that is not as declared is a 400 there, as in OpenAI's."""
    return JsonResponse({"error": body_of(error)}, status=400 if status == 422 else status)

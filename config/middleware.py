"""What every answer carries: a correlation id and the security headers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from inference.errors import new_correlation_id

HEADER = "X-Correlation-ID"
POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}

Sync = Callable[[HttpRequest], HttpResponseBase]
Async = Callable[[HttpRequest], Awaitable[HttpResponseBase]]


@sync_and_async_middleware
def response_headers(get_response: Sync | Async) -> Sync | Async:
    """A fresh correlation id per request, in the log lines, in errors and in the answer."""
    if iscoroutinefunction(get_response):

        async def answer_async(request: HttpRequest) -> HttpResponseBase:
            fresh = new_correlation_id()
            return _sealed(await get_response(request), fresh)

        return answer_async

    def answer(request: HttpRequest) -> HttpResponseBase:
        fresh = new_correlation_id()
        response: HttpResponseBase = get_response(request)  # type: ignore[assignment]
        return _sealed(response, fresh)

    return answer


def _sealed(response: HttpResponseBase, correlation_id: str) -> HttpResponseBase:
    response.headers[HEADER] = correlation_id
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response

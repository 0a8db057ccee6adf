"""What every answer carries: a correlation id and the security headers."""

from __future__ import annotations

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from core.http.middleware import Work, middleware
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


@middleware
def response_headers(request: HttpRequest) -> Work:
    """A fresh correlation id per request, in the log lines, in errors and in the answer."""
    fresh = new_correlation_id()
    return _sealed((yield None), fresh)


def _sealed(response: HttpResponseBase, correlation_id: str) -> HttpResponseBase:
    response.headers[HEADER] = correlation_id
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response

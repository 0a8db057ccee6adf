"""Who is asking over HTTP: a token's owner, a signed-in account, or a guest."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.deprecation import MiddlewareMixin

from accounts.guests import create_guest
from accounts.tokens import bearer, find
from inference.errors import UnmaskError, error_shape

BACKEND = "django.contrib.auth.backends.ModelBackend"
NO_GUESTS = ("/healthz", "/readyz", "/metrics", "/static/", "/admin/", "/accounts/", "/favicon")
"""Paths that machines call, or where a visitor is about to sign in: no guest is made there."""


class AccountMiddleware(MiddlewareMixin):
    """Sets `request.user`. A token wins over a cookie; a bad token is refused, never ignored."""

    def process_request(self, request: HttpRequest) -> HttpResponse | None:
        text = bearer(request.headers.get("authorization", ""))
        if text is not None:
            return _by_token(request, text)
        if settings.ALLOW_GUESTS and not request.path.startswith(NO_GUESTS):
            _as_guest(request)
        return None


def _by_token(request: HttpRequest, text: str) -> HttpResponse | None:
    token = find(text)
    if token is None:
        return JsonResponse(error_shape(bad_token()), status=401)
    request.user = token.user
    # A browser never sends this header by itself, so there is nothing to forge.
    request._dont_enforce_csrf_checks = True  # type: ignore[attr-defined]
    return None


def _as_guest(request: HttpRequest) -> None:
    if not request.user.is_authenticated:
        login(request, create_guest(), backend=BACKEND)


def bad_token() -> UnmaskError:
    """The answer to an unknown or revoked token."""
    return UnmaskError("auth", "This API token is not valid. Make a new one on the settings page.")

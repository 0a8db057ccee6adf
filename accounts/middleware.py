"""Who is asking over HTTP, and how often: a token's owner, a signed-in account, or a guest."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.deprecation import MiddlewareMixin

from accounts.guests import create_guest
from accounts.paths import path_inside
from accounts.rate_limits import HTTP_REQUESTS, NEW_GUESTS, RateLimit, address_key
from accounts.tokens import bearer, find
from inference.errors import UnmaskError, error_shape

BACKEND = "django.contrib.auth.backends.ModelBackend"
NO_GUESTS = ("/metrics", "/static/", "/admin/", "/accounts/", "/favicon")
"""Paths that machines call, or where a visitor is about to sign in: no guest is made there."""


class AccountMiddleware(MiddlewareMixin):
    """Sets `request.user`. A token wins over a cookie; a bad token is refused, never ignored."""

    def process_request(self, request: HttpRequest) -> HttpResponse | None:
        text = bearer(request.headers.get("authorization", ""))
        refused = _by_cookie(request) if text is None else _by_token(request, text)
        return refused or _too_fast(request, HTTP_REQUESTS, _asker(request))


def _by_token(request: HttpRequest, text: str) -> HttpResponse | None:
    token = find(text)
    if token is None:
        return JsonResponse(error_shape(bad_token()), status=401)
    user = token.user

    async def auser() -> User:
        return user

    # Views that are coroutines ask for the second; by itself it would answer with the cookie's.
    request.user, request.auser = user, auser
    # A browser never sends this header by itself, so there is nothing to forge.
    request._dont_enforce_csrf_checks = True  # type: ignore[attr-defined]
    return None


def _by_cookie(request: HttpRequest) -> HttpResponse | None:
    wanted = settings.ALLOW_GUESTS and not path_inside(request).startswith(NO_GUESTS)
    if not wanted or request.user.is_authenticated:
        return None
    refused = _too_fast(request, NEW_GUESTS, address(request))
    if refused is None:
        login(request, create_guest(), backend=BACKEND)
    return refused


def _asker(request: HttpRequest) -> str:
    user = request.user.pk
    return f"user {user}" if user else address(request)


def address(request: HttpRequest) -> str:
    """Where a request comes from, as the server or its proxy says."""
    return address_key(request.META.get("REMOTE_ADDR", ""))


def _too_fast(request: HttpRequest, limit: RateLimit, key: str) -> HttpResponse | None:
    return None if limit.hit(key) else too_fast(request, limit.retry_after(key))


def too_fast(request: HttpRequest, seconds: int) -> HttpResponse:
    """The answer to whoever asks too often: a page for people, the error shape for programs."""
    error = UnmaskError("rate_limit", f"Too many requests at once. Try again in {seconds} s.")
    if "text/html" in request.headers.get("accept", ""):
        answer = render(request, "refused.html", {"problem": error.message}, status=error.status)
    else:
        answer = JsonResponse(error_shape(error), status=error.status)
    answer.headers["Retry-After"] = str(seconds)
    return answer


def bad_token() -> UnmaskError:
    """The answer to an unknown or revoked token."""
    return UnmaskError("auth", "This API token is not valid. Make a new one on the settings page.")

"""Who is asking over HTTP, and how often: a token's owner, a signed-in account, or a guest."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.deprecation import MiddlewareMixin

from accounts import pace
from accounts.guests import create_guest
from accounts.tokens import bearer, find
from inference.errors import UnmaskError, error_shape

BACKEND = "django.contrib.auth.backends.ModelBackend"
PROBES = ("/healthz", "/readyz")
"""Machines ask these all the time; they tell nothing of anybody."""
NO_GUESTS = ("/metrics", "/static/", "/admin/", "/accounts/", "/favicon")
"""Paths that machines call, or where a visitor is about to sign in: no guest is made there."""
TOO_FAST = "Too many requests at once. Wait a moment, then try again."
RETRY_SECONDS = 10


class AccountMiddleware(MiddlewareMixin):
    """Sets `request.user`. A token wins over a cookie; a bad token is refused, never ignored."""

    def process_request(self, request: HttpRequest) -> HttpResponse | None:
        if request.path.startswith(PROBES):
            return None
        text = bearer(request.headers.get("authorization", ""))
        refused = _by_cookie(request) if text is None else _by_token(request, text)
        if refused is None and not pace.REQUESTS.keeps(_asker(request)):
            refused = too_fast(request)
        return refused


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
    wanted = settings.ALLOW_GUESTS and not request.path.startswith(NO_GUESTS)
    if not wanted or request.user.is_authenticated:
        return None
    if not pace.GUESTS.keeps(address(request)):
        return too_fast(request)
    login(request, create_guest(), backend=BACKEND)
    return None


def _asker(request: HttpRequest) -> str:
    user = request.user.pk
    return f"user {user}" if user else address(request)


def address(request: HttpRequest) -> str:
    """Where a request comes from, as the server or its proxy says."""
    return pace.name_of(request.META.get("REMOTE_ADDR", ""))


def too_fast(request: HttpRequest) -> HttpResponse:
    """The answer to whoever asks too often: a page for people, the error shape for programs."""
    error = UnmaskError("rate_limit", TOO_FAST)
    if "text/html" in request.headers.get("accept", ""):
        answer = render(request, "refused.html", {"problem": error.message}, status=error.status)
    else:
        answer = JsonResponse(error_shape(error), status=error.status)
    answer.headers["Retry-After"] = str(RETRY_SECONDS)
    return answer


def bad_token() -> UnmaskError:
    """The answer to an unknown or revoked token."""
    return UnmaskError("auth", "This API token is not valid. Make a new one on the settings page.")

"""How often streams may be begun: per account, and per address, over all processes of a site."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest
from limits import RateLimitItem

from accounts.middleware import address
from accounts.rate_limits import RateLimit, requests_per_window
from inference.errors import UnmaskError


def _per_window() -> RateLimitItem:
    return requests_per_window(settings.STREAM_RATE)


STREAMS = RateLimit("streams", _per_window)


def check_stream(request: HttpRequest) -> None:
    """Count one stream. Raises UnmaskError (rate_limit) with the seconds to wait."""
    for key in (f"user {request.user.pk}", address(request)):
        if not STREAMS.hit(key):
            wait = STREAMS.retry_after(key)
            raise UnmaskError(
                "rate_limit", f"Too many streams at once. Try again in {wait} s.", retry_after=wait
            )

"""Pages that a link opens: their address stays with those who have it, and reading has a pace."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from accounts.middleware import address, too_fast
from accounts.rate_limits import LINK_READS

UNLISTED = {
    "Referrer-Policy": "same-origin",  # the address is the key: no other site may learn it
    "X-Robots-Tag": "noindex",
    "Cache-Control": "private, no-store",
}
LASTS = (("", "never"), ("1", "one hour"), ("24", "one day"), ("168", "one week"),
         ("720", "30 days"))  # fmt: skip
"""Hours → how a form says when a link expires by itself."""
Response = TypeVar("Response", bound=HttpResponseBase)


def unlisted(response: Response) -> Response:
    """The answer with the headers of UNLISTED."""
    for name, value in UNLISTED.items():
        response.headers[name] = value
    return response


def read_by_link(
    request: HttpRequest, token: str, view: Callable[[], HttpResponseBase]
) -> HttpResponseBase:
    """What `view` answers, unlisted; 429 for who reads through the same link too fast."""
    key = f"{token} {address(request)}"
    if not LINK_READS.hit(key):
        return unlisted(too_fast(request, LINK_READS.retry_after(key)))
    return unlisted(view())

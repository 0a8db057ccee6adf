"""Where the site begins in the addresses of its host: at the root, or behind PATH_PREFIX."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest


def path_inside(request: HttpRequest) -> str:
    """The path of a request without the site's prefix: it begins with a slash."""
    path: str = request.path.removeprefix(settings.PATH_PREFIX)
    return path


def socket_of(path: str) -> str:
    """The address of the socket that belongs to a page's address, whose prefix it keeps."""
    return f"{settings.PATH_PREFIX}/ws{path.removeprefix(settings.PATH_PREFIX)}"

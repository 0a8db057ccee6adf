"""HEAD answered as GET without a body, for typed routes, which know the methods they declare."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from accounts.paths import path_inside
from core.http.middleware import Work, middleware

TYPED = ("/api/", "/v1/")
"""Where typed routes begin; all other views answer HEAD themselves."""


@middleware
def head_as_get(request: HttpRequest) -> Work:
    """The status and the headers of GET; a stream is closed before it begins."""
    if not _concerned(request):
        return (yield None)
    request.method = "GET"
    return _without_body(request, (yield None))


def _concerned(request: HttpRequest) -> bool:
    return request.method == "HEAD" and path_inside(request).startswith(TYPED)


def _without_body(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    request.method = "HEAD"
    if not response.streaming:
        return response  # the server leaves the body of a HEAD away
    bare = HttpResponse(status=response.status_code, headers=dict(response.headers))
    response.close()
    return bare

"""HEAD answered as GET without a body, for typed routes, which know the methods they declare."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import cast

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from accounts.paths import path_inside

TYPED = ("/api/", "/v1/")
"""Where typed routes begin; all other views answer HEAD themselves."""
Sync = Callable[[HttpRequest], HttpResponseBase]
Async = Callable[[HttpRequest], Awaitable[HttpResponseBase]]


@sync_and_async_middleware
def head_as_get(get_response: Sync | Async) -> Sync | Async:
    """The status and the headers of GET; a stream is closed before it begins."""
    if iscoroutinefunction(get_response):
        later = cast(Async, get_response)

        async def answer_async(request: HttpRequest) -> HttpResponseBase:
            if not _concerned(request):
                return await later(request)
            request.method = "GET"
            return _without_body(request, await later(request))

        return answer_async

    plain = cast(Sync, get_response)

    def answer(request: HttpRequest) -> HttpResponseBase:
        if not _concerned(request):
            return plain(request)
        request.method = "GET"
        return _without_body(request, plain(request))

    return answer


def _concerned(request: HttpRequest) -> bool:
    return request.method == "HEAD" and path_inside(request).startswith(TYPED)


def _without_body(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    request.method = "HEAD"
    if not response.streaming:
        return response  # the server leaves the body of a HEAD away
    bare = HttpResponse(status=response.status_code, headers=dict(response.headers))
    response.close()
    return bare

"""Static files for the ASGI server: WhiteNoise's files and headers, without its sync detour.

WhiteNoise's own middleware is synchronous, which would send every request through a thread.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import markcoroutinefunction, sync_to_async
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from whitenoise.middleware import WhiteNoiseMiddleware

Next = Callable[[HttpRequest], Awaitable[HttpResponseBase]]


class StaticMiddleware(WhiteNoiseMiddleware):  # type: ignore[misc]
    """Answers for known files; hands everything else on."""

    async_capable = True
    sync_capable = False

    def __init__(self, get_response: Next) -> None:
        super().__init__(get_response)
        markcoroutinefunction(self)

    async def __call__(self, request: HttpRequest) -> HttpResponseBase:
        find = self.find_file if self.autorefresh else self.files.get
        found = find(request.path_info)
        if found is None:
            response: HttpResponseBase = await self.get_response(request)
            return response
        return await sync_to_async(_response, thread_sensitive=False)(found, request)


def _response(found: Any, request: HttpRequest) -> HttpResponse:
    """Files are small and few, so they are read whole."""
    answer = found.get_response(request.method, request.META)
    content = b""
    if answer.file is not None:
        with answer.file as file:
            content = file.read()
    response = HttpResponse(content, status=int(answer.status))
    del response["content-type"]
    for key, value in answer.headers:
        response[key] = value
    return response

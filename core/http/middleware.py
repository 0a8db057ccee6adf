"""A middleware as a generator of one step, the same for synchronous and asynchronous requests."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from functools import wraps
from typing import cast

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

Sync = Callable[[HttpRequest], HttpResponseBase]
Async = Callable[[HttpRequest], Awaitable[HttpResponseBase]]
Work = Generator[Sync | None, HttpResponseBase, HttpResponseBase]
"""Yields once: None, or the view that answers instead of everything behind; is sent the answer,
and returns the one that goes on."""


def middleware(work: Callable[[HttpRequest], Work]) -> Callable[[Sync | Async], Sync | Async]:
    """Django's middleware out of what is done before and after the `yield` of a generator.

    A view that is yielded may ask the database: on an event loop it has a thread of its own.
    """

    @wraps(work)
    def made(get_response: Sync | Async) -> Sync | Async:
        if iscoroutinefunction(get_response):
            return _asynchronous(work, cast(Async, get_response))
        return _synchronous(work, cast(Sync, get_response))

    return sync_and_async_middleware(made)


def _synchronous(work: Callable[[HttpRequest], Work], get_response: Sync) -> Sync:
    def answer(request: HttpRequest) -> HttpResponseBase:
        steps = work(request)
        view = next(steps) or get_response
        return _last(steps, view(request))

    return answer


def _asynchronous(work: Callable[[HttpRequest], Work], get_response: Async) -> Async:
    async def answer(request: HttpRequest) -> HttpResponseBase:
        steps = work(request)
        view = next(steps)
        found = sync_to_async(view)(request) if view else get_response(request)
        return _last(steps, await found)

    return answer


def _last(steps: Work, response: HttpResponseBase) -> HttpResponseBase:
    try:
        steps.send(response)
    except StopIteration as end:
        return cast(HttpResponseBase, end.value)
    raise RuntimeError("a middleware yields once")

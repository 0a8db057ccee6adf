"""A middleware that is a generator works around synchronous and asynchronous requests alike."""

from __future__ import annotations

import threading

import pytest
from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from core.http.middleware import Work, middleware

THREADS: list[int] = []


@middleware
def marked(request: HttpRequest) -> Work:
    """Marks the answer of what lies behind; `/own` is answered by a view of its own."""
    response = yield _own if request.path == "/own" else None
    response.headers["X-Mark"] = "seen"
    return response


def _own(request: HttpRequest) -> HttpResponse:
    THREADS.append(threading.get_ident())
    return HttpResponse("own")


def _behind(request: HttpRequest) -> HttpResponse:
    return HttpResponse("behind")


async def _behind_async(request: HttpRequest) -> HttpResponse:
    return HttpResponse("behind")


@pytest.mark.parametrize(("path", "text"), [("/own", b"own"), ("/other", b"behind")])
async def test_around_both_kinds(path: str, text: bytes) -> None:
    request = RequestFactory().get(path)
    plain, later = marked(_behind), marked(_behind_async)
    assert not iscoroutinefunction(plain)
    assert iscoroutinefunction(later)
    for response in (plain(request), await later(request)):
        assert (response.content, response.headers["X-Mark"]) == (text, "seen")


async def test_a_view_of_its_own_never_holds_the_loop() -> None:
    THREADS.clear()
    await marked(_behind_async)(RequestFactory().get("/own"))
    assert threading.get_ident() not in THREADS
    assert len(THREADS) == 1


def test_one_that_yields_twice_is_told() -> None:
    @middleware
    def twice(request: HttpRequest) -> Work:
        yield None
        return (yield None)

    with pytest.raises(RuntimeError, match="yields once"):
        twice(_behind)(RequestFactory().get("/"))

"""Exception → HTTP answer: views raise UnmaskError, this middleware answers.

Who asks decides the form: HTMX gets a toast out of band, a program the one error shape, a form of
a page goes back to its page with a message, and everybody else sees a page. The status is that of
the error's type. Somebody else's row and one that never was are one answer.
"""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.deprecation import MiddlewareMixin
from django.views import defaults

from accounts.paths import path_inside
from core.http.head import TYPED
from inference.errors import (
    UnmaskError,
    correlation_id,
    error_shape,
    internal_error,
    reference_of,
)

HEADINGS = {
    "auth": "Sign in first",
    "conflict": "The state has moved on",
    "rate_limit": "Too fast",
    "timeout": "This takes long",
}
"""Headings of the page by the error's type; all others are `OTHERWISE`."""
OTHERWISE = "This did not work"
_BACK = "_unmask_back"


class ErrorMiddleware(MiddlewareMixin):
    """Answers every UnmaskError that a view raises; other exceptions go their usual way."""

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        return answer(request, exception) if isinstance(exception, UnmaskError) else None


def back_to(request: HttpRequest, address: str) -> None:
    """People whose request fails from here on go back to this address, with a message there."""
    setattr(request, _BACK, address)


def answer(request: HttpRequest, error: UnmaskError) -> HttpResponse:
    """The failure in the form that suits whoever asks."""
    make = next(make for applies, make in _FORMS if applies(request))
    return make(request, error)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Django's handler404: an address that there is not."""
    return answer(request, UnmaskError("not_found", "There is nothing at this address."))


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler500. The page is drawn without a database or a session: they may be it."""
    if is_htmx(request) or is_program(request):
        return answer(request, internal_error())
    return defaults.server_error(request)


def is_htmx(request: HttpRequest) -> bool:
    """Whether a part of a page is asked for, not a page."""
    return "HX-Request" in request.headers and "HX-Boosted" not in request.headers


def is_program(request: HttpRequest) -> bool:
    """Whether the answer is read by a program: an API's address, a token, or no HTML wanted."""
    accept = request.headers.get("accept")
    return (
        path_inside(request).startswith(TYPED)
        or request.headers.get("authorization", "").lower().startswith("bearer ")
        or (accept is not None and "text/html" not in accept)
    )


def _goes_back(request: HttpRequest) -> bool:
    return hasattr(request, _BACK)


def _toast(request: HttpRequest, error: UnmaskError) -> HttpResponse:
    """Out of band, so that the target of the request stays as it is; static/js/site.js shows it."""
    context = {"kind": "error", "text": error.message, "note": _note(error)}
    response = render(request, "fragments/toast_swap.html", context, status=error.status)
    response.headers["HX-Reswap"] = "none"
    return response


def _shape(request: HttpRequest, error: UnmaskError) -> HttpResponse:
    return JsonResponse(error_shape(error), status=error.status)


def _redirect(request: HttpRequest, error: UnmaskError) -> HttpResponse:
    messages.error(request, error.message)
    return redirect(getattr(request, _BACK))


def _page(request: HttpRequest, error: UnmaskError) -> HttpResponse:
    if error.error_type == "not_found":
        context = {"problem": error.message} if error.field == "link" else {}
        return render(request, "404.html", context, status=error.status)
    heading = HEADINGS.get(error.error_type, OTHERWISE)
    context = {"heading": heading, "problem": error.message, "note": _note(error)}
    return render(request, "refused.html", context, status=error.status)


def _note(error: UnmaskError) -> str:
    return reference_of({"error_type": error.error_type, "correlation_id": correlation_id.get()})


Applies = Callable[[HttpRequest], bool]
Make = Callable[[HttpRequest, UnmaskError], HttpResponse]
_FORMS: tuple[tuple[Applies, Make], ...] = (
    (is_htmx, _toast),
    (is_program, _shape),
    (_goes_back, _redirect),
    (lambda request: True, _page),
)

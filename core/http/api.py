"""Typed REST routes (django-ninja): who may ask, strict JSON bodies, failures in the one shape.

An app writes routers; `make_api` gives them authentication, the parser and the error answers. A
body that cannot be read is a 400, a field that is not as declared a 422 that names it, a body that
is too large a 413; all other failures have the status of their type.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError
from ninja.parser import Parser
from ninja.security.base import AuthBase
from ninja.utils import check_csrf

from accounts.origins import origin_problem
from core.commands.field_errors import error_of
from core.commands.parsing import parse
from inference.errors import UnmaskError, error_shape, internal_error

log = logging.getLogger(__name__)
Answer = Callable[[HttpRequest, UnmaskError, int], HttpResponse]
Read = Callable[[HttpRequest, Any], tuple[UnmaskError, int]]
NO_ACCOUNT = "Sign in, or send a personal API token as Authorization: Bearer …"
FORGED = "The CSRF token is missing or wrong. Send the cookie's value as X-CSRFToken."
JSON = "application/json"


class Account(AuthBase):
    """An account: by token, or by cookie with a CSRF token.

    A visitor who comes without any cookie has nothing that could be used behind their back; the
    Origin is looked at all the same, so that other sites do not put this one to work.
    """

    openapi_type = "http"
    openapi_scheme = "bearer"

    def __call__(self, request: HttpRequest) -> Any:
        if not request.user.is_authenticated:
            raise UnmaskError("auth", NO_ACCOUNT)
        if settings.SESSION_COOKIE_NAME in request.COOKIES:
            if check_csrf(request):
                raise UnmaskError("auth", FORGED)
        elif origin_problem(request.headers.get("origin"), request.get_host()):
            raise UnmaskError("auth", "Pages of other sites may not use this one.")
        return request.user


class StrictParser(Parser):
    """Bodies as the sockets read them: one JSON object, no NaN, no repeated keys, bounded depth."""

    def parse_body(self, request: HttpRequest) -> dict[str, Any]:
        if request.content_type != JSON:
            raise UnmaskError("validation", f"Send the body as {JSON}.")
        try:
            text = request.body.decode()
        except RequestDataTooBig:
            raise too_large() from None
        except UnicodeDecodeError:
            raise UnmaskError("validation", "The body is not UTF-8.") from None
        return parse(text, settings.DATA_UPLOAD_MAX_MEMORY_SIZE)


class TooLarge(UnmaskError):
    """A body that is larger than bodies may be."""

    @property
    def status(self) -> int:
        return 413


def too_large() -> TooLarge:
    most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE // 2**20
    return TooLarge("validation", f"The body is larger than {most} MB. Send less at once.")


def shape(request: HttpRequest, error: UnmaskError, status: int) -> HttpResponse:
    """The one error shape; the usual answer of `make_api`."""
    return JsonResponse(error_shape(error), status=status)


def make_api(answer: Answer = shape, **options: Any) -> NinjaAPI:
    """An API whose routes ask for an account and whose failures are told by `answer`."""
    api = NinjaAPI(auth=Account(), parser=StrictParser(), **options)
    for kind, read in _READ.items():
        api.add_exception_handler(kind, _handler(answer, read))
    return api


def _handler(answer: Answer, read: Read) -> Callable[[HttpRequest, Any], HttpResponse]:
    def handle(request: HttpRequest, exception: Any) -> HttpResponse:
        error, status = read(request, exception)
        response = answer(request, error, status)
        for name, value in error.headers.items():
            response.headers[name] = value
        return response

    return handle


def _own(request: HttpRequest, error: UnmaskError) -> tuple[UnmaskError, int]:
    return error, error.status


def _http(request: HttpRequest, error: HttpError) -> tuple[UnmaskError, int]:
    """ninja wraps what its parser raises."""
    cause = error.__cause__
    if isinstance(cause, UnmaskError):
        return cause, cause.status
    return UnmaskError("validation", "The body cannot be read."), error.status_code


def _invalid(request: HttpRequest, error: ValidationError) -> tuple[UnmaskError, int]:
    """The first field at fault, by the name that the client gave it."""
    source = error.errors[0]["loc"][0]
    problems = [_named(one) for one in error.errors if one["loc"][0] == source]
    if not problems[0]["loc"] and problems[0]["type"] == "missing":
        return UnmaskError("validation", "Send a JSON object as the body."), 422
    in_body = source == "body"
    given = json.loads(request.body) if in_body else dict.fromkeys(problems[0]["loc"])
    return error_of(problems, given), 422


def _named(problem: dict[str, Any]) -> dict[str, Any]:
    """With a place that begins inside of the body, or with the parameter's name."""
    first = 2 if problem["loc"][0] == "body" else 1
    return {**problem, "loc": tuple(problem["loc"][first:])}


def _too_big(request: HttpRequest, error: RequestDataTooBig) -> tuple[UnmaskError, int]:
    return _own(request, too_large())


def _missing(request: HttpRequest, error: Http404) -> tuple[UnmaskError, int]:
    return _own(request, UnmaskError("not_found", "There is nothing at this address."))


def _nobody(request: HttpRequest, error: AuthenticationError) -> tuple[UnmaskError, int]:
    return _own(request, UnmaskError("auth", NO_ACCOUNT))


def _fault(request: HttpRequest, error: Exception) -> tuple[UnmaskError, int]:
    log.error("a route failed", exc_info=error)
    return _own(request, internal_error(error))


_READ: dict[type[Exception], Read] = {
    UnmaskError: _own,
    AuthenticationError: _nobody,
    HttpError: _http,
    ValidationError: _invalid,
    RequestDataTooBig: _too_big,
    Http404: _missing,
    Exception: _fault,
}

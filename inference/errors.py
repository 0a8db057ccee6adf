"""The one error shape: `{type, message, error_type, retryable, correlation_id, field?}`."""

from __future__ import annotations

import sys
from contextvars import ContextVar
from typing import Any
from uuid import uuid4

from inference.figures import ERRORS

correlation_id: ContextVar[str] = ContextVar("correlation_id", default="")

ERROR_TYPES: dict[str, tuple[bool, int, str]] = {
    # error_type: (retryable, HTTP status, what it means)
    "validation": (False, 400, "the request does not fit; change it"),
    "auth": (False, 401, "sign in, or send a valid token"),
    "not_found": (False, 404, "it does not exist, or it is not yours"),
    "conflict": (True, 409, "the state has moved on; look again and repeat"),
    "rate_limit": (True, 429, "too many requests; wait"),
    "network": (True, 502, "a part of the service did not answer"),
    "timeout": (True, 504, "it took longer than allowed"),
    "model_loading": (True, 503, "the model could not be loaded, or is still loading"),
    "model_unavailable": (True, 503, "no model or no worker is at hand"),
    "generation": (True, 500, "the model failed while generating"),
}


REFUSALS = frozenset({"validation", "auth", "not_found", "conflict", "rate_limit"})
"""Types that say themselves what to do: people are given no reference to report."""


class UnmaskError(Exception):
    """A failure that the user is told about.

    `message` says what went wrong and what to do next; it must never hold a prompt, a path
    or a traceback. `field` names the offending field of the request. `retry_after`: seconds after
    which the same request may succeed, where that is known.
    """

    def __init__(
        self,
        error_type: str,
        message: str,
        field: str | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        if error_type not in ERROR_TYPES:
            raise ValueError(f"unknown error type {error_type!r}")
        self.error_type = error_type
        self.message = message
        self.field = field
        self.retry_after = retry_after

    @property
    def status(self) -> int:
        return ERROR_TYPES[self.error_type][1]

    @property
    def headers(self) -> dict[str, str]:
        """Headers that an HTTP answer with this error has."""
        return {"Retry-After": str(self.retry_after)} if self.retry_after is not None else {}


def new_correlation_id() -> str:
    """A fresh id, also set as the current one."""
    fresh = uuid4().hex
    correlation_id.set(fresh)
    return fresh


def reference_of(shape: dict[str, Any]) -> str:
    """What people quote when they report an error shape; empty for what is an ordinary refusal."""
    known = shape.get("correlation_id")
    return f"Reference {known}" if known and shape.get("error_type") not in REFUSALS else ""


def error_shape(error: UnmaskError) -> dict[str, Any]:
    """The error as it goes over every wire."""
    shape: dict[str, Any] = {
        "type": "error",
        "message": error.message,
        "error_type": error.error_type,
        "retryable": ERROR_TYPES[error.error_type][0],
        "correlation_id": correlation_id.get() or new_correlation_id(),
    }
    ERRORS.labels(error.error_type).inc()
    return shape | ({"field": error.field} if error.field else {})


OUTAGES = frozenset(
    {
        "django.db.utils.OperationalError",
        "django.db.utils.InterfaceError",
        "kombu.exceptions.OperationalError",
        "redis.exceptions.ConnectionError",
        "redis.exceptions.TimeoutError",
    }
)
"""Failures of the database, the broker or the channel layer: by name, as no shape needs all."""
OUTAGE = "A part of this service does not answer. Try again in a moment."


def is_outage(error: BaseException | None) -> bool:
    """Whether a part that this process needs did not answer."""
    names = {f"{kind.__module__}.{kind.__qualname__}" for kind in type(error).__mro__}
    return bool(names & OUTAGES)


def internal_error(error: BaseException | None = None) -> UnmaskError:
    """What a user sees of an unexpected failure; the log has the rest under the same id.

    `error`: the failure; that which is being handled if not given.
    """
    if is_outage(error or sys.exception()):
        return UnmaskError("network", OUTAGE)
    return UnmaskError(
        "generation",
        "Something failed on our side. Try again; if it stays, report the correlation id.",
    )

"""HTTP to a server elsewhere: time-outs, a few tries, a circuit breaker, and no endless lines.

Tries (stamina) are made before the first byte only: connections that fail, and 429, 502, 503, 504.
A server that fails again and again is left alone for a while (pybreaker, one for each server and
process), so that nobody waits for its time-outs.
"""

from __future__ import annotations

import json
import logging
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import httpx2
import pybreaker
import stamina

from inference.errors import UnmaskError
from inference.remote_backends import RemoteBackend

log = logging.getLogger(__name__)
CONNECT_SECONDS = 5.0
ATTEMPTS = 3
LONGEST_WAIT = 5.0
"""Seconds between two tries; a server that asks for more is told of at once."""
FAILURES, PAUSE_SECONDS = 5, 30.0
"""After so many failures in a row a server is left alone for so long."""
LONGEST_LINE = 4 * 2**20
LARGEST_ANSWER = 16 * 2**20
"""Bytes of an answer that is no stream."""
BUSY = frozenset({429, 502, 503, 504})

REFUSED = (
    "{name} refused the request: it may be too long for the model, or ask for a recipe or a value "
    "that the server does not know."
)
"""Its own words are not passed on: they may hold a prompt."""
_STATUSES: dict[int, tuple[str, str]] = {
    400: ("validation", REFUSED),
    401: ("model_unavailable", "{name} refuses this site's key."),
    403: ("model_unavailable", "{name} refuses this site's key."),
    404: ("model_unavailable", "{name} has no such model, or speaks another protocol."),
    413: ("validation", "The request is too large for {name}."),
    422: ("validation", REFUSED),
    429: ("rate_limit", "{name} has too much to do. Try again in a moment."),
    504: ("timeout", "{name} did not answer in time."),
}


class Down(UnmaskError):
    """The server itself failed: what its breaker counts."""


class _Busy(Exception):
    """An answer after which another try makes sense; `wait`: what the server asked for."""

    def __init__(self, status: int, wait: float | None) -> None:
        super().__init__(status)
        self.status, self.wait = status, wait


@cache
def breaker_of(name: str) -> pybreaker.CircuitBreaker:
    """The breaker of a server in this process."""
    return pybreaker.CircuitBreaker(
        fail_max=FAILURES,
        reset_timeout=PAUSE_SECONDS,
        exclude=[lambda error: not isinstance(error, Down)],
        name=name,
        throw_new_error_on_trip=False,
    )


@cache
def _http() -> httpx2.Client:
    """One pool of connections for all servers. It follows no redirects: they would carry keys."""
    limits = httpx2.Limits(max_connections=256, max_keepalive_connections=32)
    return httpx2.Client(limits=limits, follow_redirects=False, trust_env=False)


def read_json(backend: RemoteBackend, path: str, seconds: float) -> Any:
    """The answer to a GET. Raises UnmaskError."""
    with guarded(backend), _opened(backend, "GET", path, None, seconds) as response:
        body = bytearray()
        for part in response.iter_bytes():
            body += part
            if len(body) > LARGEST_ANSWER:
                raise junk(backend)
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise junk(backend) from None


@contextmanager
def stream(
    backend: RemoteBackend, path: str, body: dict[str, Any]
) -> Iterator[tuple[Any, Iterator[str]]]:
    """The answer to a POST, and its lines as they come. Raises UnmaskError, while they are read
    too.
    """
    with guarded(backend), _opened(backend, "POST", path, body, backend.timeout) as response:
        if "text/event-stream" not in response.headers.get("content-type", ""):
            raise junk(backend)
        yield response, _lines(backend, response)


@contextmanager
def guarded(backend: RemoteBackend) -> Iterator[None]:
    """Inside the server's breaker. What the client raises becomes UnmaskError."""
    try:
        with breaker_of(backend.name).calling():
            try:
                yield
            except httpx2.TimeoutException as error:
                text = f"{backend.name} was silent for too long."
                raise Down("timeout", f"{text} Try again, or ask another model.") from error
            except (httpx2.HTTPError, httpx2.StreamError) as error:
                raise Down("network", _LOST.format(name=backend.name)) from error
    except pybreaker.CircuitBreakerError as error:
        raise UnmaskError(
            "network", _left_alone(backend.name), retry_after=int(PAUSE_SECONDS)
        ) from error


def left_alone(names: Iterable[str]) -> dict[str, str]:
    """Those of the servers whose breaker is open in this process, and what is said of them."""
    is_open = (name for name in names if breaker_of(name).current_state == pybreaker.STATE_OPEN)
    return {name: _left_alone(name) for name in is_open}


def _left_alone(name: str) -> str:
    return (
        f"{name} has failed several times and is left alone for {PAUSE_SECONDS:g} seconds. Try "
        "again then, or ask another model."
    )


_LOST = "The connection to {name} failed. Try again, or ask another model."


@contextmanager
def _opened(
    backend: RemoteBackend, method: str, path: str, body: Any, seconds: float
) -> Iterator[httpx2.Response]:
    """An answer with a good status whose body has not been read. Raises UnmaskError."""
    try:
        response = _tried(backend, method, path, body, seconds)
    except _Busy as busy:
        raise _refusal(backend, busy.status, busy.wait) from None
    try:
        if response.status_code != 200:
            raise _refusal(backend, response.status_code, None)
        yield response
    finally:
        response.close()


def _tried(
    backend: RemoteBackend, method: str, path: str, body: Any, seconds: float
) -> httpx2.Response:
    key = backend.key.get_secret_value()
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    request = _http().build_request(
        method,
        backend.root + path,
        json=body,
        headers=headers,
        timeout=httpx2.Timeout(seconds, connect=CONNECT_SECONDS),
    )
    for attempt in stamina.retry_context(
        on=_another_try, attempts=ATTEMPTS, wait_max=LONGEST_WAIT, timeout=None
    ):
        with attempt:
            response = _http().send(request, stream=True)
            if response.status_code in BUSY:
                response.close()
                raise _Busy(response.status_code, _retry_after(response))
            return response
    raise AssertionError("stamina tries at least once")


def _another_try(error: Exception) -> bool | float:
    """Whether to try again, or after how many seconds."""
    if isinstance(error, _Busy):
        return error.wait <= LONGEST_WAIT and error.wait if error.wait is not None else True
    return isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout)


def _retry_after(response: httpx2.Response) -> float | None:
    """Seconds; dates are not understood."""
    told = response.headers.get("retry-after", "")
    return float(told) if told.isascii() and told.isdigit() and len(told) < 6 else None


def _refusal(backend: RemoteBackend, status: int, wait: float | None) -> UnmaskError:
    name = backend.name
    kind, words = _STATUSES.get(status, ("network", "{name} failed ({status}). Try again."))
    made = Down if status >= 500 else UnmaskError
    after = int(wait) if wait is not None else None
    return made(kind, words.format(name=name, status=status), retry_after=after)


def junk(backend: RemoteBackend) -> Down:
    """The server said something that is none of its protocol."""
    return Down(
        "network", f"{backend.name} sent something else than its protocol has. Try again later."
    )


def _lines(backend: RemoteBackend, response: httpx2.Response) -> Iterator[str]:
    """Lines as they come, without their ends; a line without an end is cut off."""
    rest = b""
    for part in response.iter_bytes():
        *whole, rest = (rest + part).split(b"\n")
        if len(rest) > LONGEST_LINE:
            raise junk(backend)
        for line in whole:
            yield line.rstrip(b"\r").decode("utf-8", "replace")


def shut(response: Any) -> None:
    """Have a thread that waits for this answer's next bytes hear of an end, from another thread."""
    found = response.extensions.get("network_stream")
    inner = found.get_extra_info("socket") if found is not None else None
    if inner is not None:
        try:
            inner.shutdown(socket.SHUT_RDWR)
        except OSError:  # it has ended by itself
            return

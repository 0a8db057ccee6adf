"""Database connections of threads that live long: kept open between pieces of work.

Django closes a connection after each request, because web threads come and go. A worker's threads
and those that serve sockets stay; opening SQLite anew for every message would cost more than what
is asked of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from django.db import close_old_connections, connections

P = ParamSpec("P")
R = TypeVar("R")
KEEP_SECONDS = 60.0


def kept_open(work: Callable[P, R]) -> Callable[P, R]:
    """`work` with this thread's connections: broken and old ones are closed before it, others stay.

    Inside a transaction nothing is touched: whoever began it looks after the connection.
    """

    @wraps(work)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        if _in_transaction():
            return work(*args, **kwargs)
        close_old_connections()
        try:
            return work(*args, **kwargs)
        finally:
            _keep()

    return call


def _in_transaction() -> bool:
    return any(one.in_atomic_block for one in connections.all(initialized_only=True))


def _keep() -> None:
    until = time.monotonic() + KEEP_SECONDS
    for connection in connections.all(initialized_only=True):
        connection.close_at = until

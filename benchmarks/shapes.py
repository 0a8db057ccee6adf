"""A served site in either shape, for the benches: temporary data, ports of their own."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

from tests.servers import Site, embedded_site, full_site, postgres_server, redis_server


@contextmanager
def _embedded(settings: dict[str, str]) -> Iterator[Site]:
    with (
        tempfile.TemporaryDirectory(prefix="unmask-bench-") as folder,
        embedded_site(Path(folder), **settings) as site,
    ):
        yield site


@contextmanager
def _site(settings: dict[str, str]) -> Iterator[Site]:
    """Web and worker as processes of their own, with Redis and PostgreSQL."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="unmask-bench-"))
        redis = stack.enter_context(redis_server())
        postgres = stack.enter_context(postgres_server())
        yield stack.enter_context(full_site(Path(folder), redis, postgres, **settings))


SHAPES: dict[str, Callable[[dict[str, str]], AbstractContextManager[Site]]] = {
    "embedded": _embedded,
    "site": _site,
}
"""What opens a site with these settings; skips (pytest's) where a server is not installed."""

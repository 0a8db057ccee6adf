"""A site of its own in either shape, for benchmarks of what both do: temporary data, loopback."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.servers import Site, embedded_site, full_site, postgres_server, redis_server


@contextmanager
def embedded(**settings: str) -> Iterator[Site]:
    """One process."""
    with (
        tempfile.TemporaryDirectory(prefix="unmask-bench-") as folder,
        embedded_site(Path(folder), **settings) as site,
    ):
        yield site


@contextmanager
def several(**settings: str) -> Iterator[Site]:
    """Web and worker as processes of their own, with Redis and PostgreSQL.

    Raises pytest's Skipped where one of those is not installed.
    """
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="unmask-bench-"))
        redis = stack.enter_context(redis_server())
        postgres = stack.enter_context(postgres_server())
        yield stack.enter_context(full_site(Path(folder), redis, postgres, **settings))


SHAPES = {"embedded": embedded, "site": several}

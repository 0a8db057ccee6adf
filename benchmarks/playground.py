"""The playground: what a token of the drawer costs, and what trainings cost and do beside it."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks import stepping, training


def measure() -> Iterator[str]:
    """Lines of the report as they come."""
    yield from stepping.measure()
    yield from training.measure()

"""The playground: what a token of the drawer costs, and what a training beside it does."""

from __future__ import annotations

from benchmarks import stepping


def measure() -> list[str]:
    """Lines of the report."""
    return stepping.measure()

"""The playground: what a token of the drawer costs, and what trainings cost and do beside it."""

from __future__ import annotations

from benchmarks import stepping, training


def measure() -> list[str]:
    """Lines of the report."""
    return [*stepping.measure(), *training.measure()]

"""The playground: training through the site against a bare loop."""

from __future__ import annotations

from benchmarks import training


def measure() -> list[str]:
    """Lines of the report."""
    return training.measure()

"""Timing two or more contenders in turn, so that a machine that drifts drifts for all of them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measured:
    """Milliseconds per call over all rounds, and each of them."""

    median: float
    low: float
    high: float
    samples: tuple[float, ...] = ()

    def over(self, other: Measured) -> float:
        """Median of the ratios to another contender's time in the same round.

        What slows a machine for a while slows both of a pair.
        """
        pairs = zip(self.samples, other.samples, strict=True)
        return statistics.median(mine / theirs for mine, theirs in pairs)


def in_turn(
    contenders: Mapping[str, Callable[[], object]], rounds: int, warmup: int = 1
) -> dict[str, Measured]:
    """Call each contender once per round, in turn; the warm-up rounds are not counted."""
    samples: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(warmup + rounds):
        for name, call in contenders.items():
            elapsed = milliseconds(call)
            if number >= warmup:
                samples[name].append(elapsed)
    return {name: summary(values) for name, values in samples.items()}


def milliseconds(call: Callable[[], object]) -> float:
    """Wall time of one call."""
    started = time.perf_counter()
    call()
    return (time.perf_counter() - started) * 1000


def summary(values: list[float]) -> Measured:
    """Median and range."""
    return Measured(statistics.median(values), min(values), max(values), tuple(values))


def table(title: str, results: Mapping[str, Measured], per: int, reference: str) -> list[str]:
    """Lines of a table: ms per step (median, range) and the ratio to the reference."""
    base = results[reference]
    rows = [f"{title}  (ms per step; ratio to {reference})"]
    for name, m in results.items():
        rows.append(
            f"  {name:<34} {m.median / per:9.2f}  [{m.low / per:.2f} - {m.high / per:.2f}]"
            f"  x {m.over(base):.2f}"
        )
    return rows

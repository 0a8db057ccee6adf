"""What a job's rows say beside each other: the Pareto front, and differences in pairs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from inference.engine.paired_bootstrap import Estimate, Reals, difference, pareto_front

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Comparison:
    """A row beside the others. `gain`: over the job's first recipe in its first block length, with
    as many steps and on the same cases; None for that row itself and where the marks of the cases
    were not kept."""

    on_front: bool
    gain: Estimate | None

    @property
    def text(self) -> str:
        """The gain in points of per cent with its interval."""
        if self.gain is None:
            return ""
        low, high = (f"{100 * end:+.0f}" for end in (self.gain.low, self.gain.high))
        return f"{100 * self.gain.mean:+.0f} ({low} to {high})"


def mark_of(row: Row) -> tuple[str, float]:
    """Name and value of the mark that matters first; a row without marks counts as 0."""
    name, value = next(iter(row["marks"].items()), ("", 0.0))
    return name, float(value)


def front_of(results: list[Row]) -> list[int]:
    """Indices of the rows that no other beats in tokens per pass and quality, fastest first."""
    points = [(-float(row["tokens_per_pass"] or 0), mark_of(row)[1]) for row in results]
    return pareto_front(points)


def compare_rows(results: list[Row], seeds: int = 1) -> list[Comparison]:
    """A comparison for each row, in their order; `each` of a row holds the cases of all seeds."""
    front = set(front_of(results))
    return [Comparison(n in front, _gain(row, results, seeds)) for n, row in enumerate(results)]


def _gain(row: Row, results: list[Row], seeds: int) -> Estimate | None:
    base = results[0]["recipe"]
    alike = (r for r in results if r["recipe"] == base and r["steps"] == row["steps"])
    known = next(alike, None)
    if known is None or known is row or not row.get("each") or not known.get("each"):
        return None
    return difference(table_of(row["each"], seeds), table_of(known["each"], seeds))


def table_of(marks: list[float], seeds: int) -> Reals:
    """Marks of a row's cases as [seeds, cases]."""
    return np.asarray(marks, dtype=np.float64).reshape(seeds, -1)

"""What the measured cases say: a line for each way, its interval, its difference, the front."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from inference.engine.atlas.grid import Way
from inference.engine.atlas.measure import Measured
from inference.engine.paired_bootstrap import Estimate, Reals, difference, interval, pareto_front

REFERENCE = "llada/low_confidence"


@dataclass(frozen=True)
class Summary:
    """One way on one task. `marks` [seeds, cases]; `passes` is the mean of a case."""

    task: str
    way: Way
    passes: float
    tokens_per_pass: float
    quality: Estimate
    marks: Reals


def summaries(measured: Iterable[Measured]) -> list[Summary]:
    """A summary for each task and way, in the order in which they were measured."""
    groups: dict[tuple[str, Way], list[Measured]] = defaultdict(list)
    for one in measured:
        groups[one.task, one.way].append(one)
    return [_summary(task, way, rows) for (task, way), rows in groups.items()]


def _summary(task: str, way: Way, rows: Sequence[Measured]) -> Summary:
    seeds = len({row.seed for row in rows})
    marks = np.array([row.mark for row in rows]).reshape(seeds, -1)
    passes = sum(row.passes for row in rows)
    return Summary(
        task,
        way,
        passes / len(rows),
        sum(row.tokens for row in rows) / max(1, passes),
        interval(marks),
        marks,
    )


def front_of(rows: Sequence[Summary]) -> list[Summary]:
    """The ways of one task that no other beats in passes and quality, the fewest passes first."""
    points = [(row.passes, row.quality.mean) for row in rows]
    return [rows[i] for i in pareto_front(points)]


def reference_for(row: Summary, rows: Sequence[Summary]) -> Summary | None:
    """The way of the reference rule, in one block, whose passes are nearest to a row's."""
    known = [r for r in rows if r.way.recipe == REFERENCE and r.way.block_length is None]
    return min(known, key=lambda r: abs(r.passes - row.passes), default=None)


def gain_over(row: Summary, other: Summary) -> Estimate:
    """How much better a way is than another on the same cases of the same seeds."""
    return difference(row.marks, other.marks)


def best_of(recipe: str, rows: Sequence[Summary]) -> Summary | None:
    """The way of a rule with the highest quality; of equal ones that with the fewest passes."""
    own = [row for row in rows if row.way.recipe == recipe]
    return min(own, key=lambda r: (-r.quality.mean, r.passes), default=None)

"""Bootstrap intervals over seeds and cases, paired differences, and the Pareto front.

Marks are arrays [seeds, cases] in 0 to 1. A resample draws seeds, and within each of them cases,
with replacement, so that an interval tells of other seeds and other cases (the nested bootstrap of
Davison and Hinkley, Bootstrap Methods and their Application, 1997, section 3.8). With one seed it
is the ordinary bootstrap over cases. No tensor library: pages use it, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Reals = NDArray[np.float64]
RESAMPLES = 1000
LEVEL = 0.95


@dataclass(frozen=True)
class Estimate:
    """A mean and the ends of its 95 % interval."""

    mean: float
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval lies on one side of 0: for differences."""
        return self.low > 0 or self.high < 0


def interval(marks: ArrayLike, resamples: int = RESAMPLES, seed: int = 0) -> Estimate:
    """The mean of marks [seeds, cases] (or [cases]) with its percentile interval.

    Raises ValueError where there is nothing to estimate from.
    """
    table = np.atleast_2d(np.asarray(marks, dtype=np.float64))
    if table.size == 0:
        raise ValueError("no marks")
    means = _resampled_means(table, resamples, np.random.default_rng(seed))
    tail = 100 * (1 - LEVEL) / 2
    low, high = np.percentile(means, [tail, 100 - tail])
    return Estimate(float(table.mean()), float(low), float(high))


def difference(
    marks: ArrayLike, others: ArrayLike, resamples: int = RESAMPLES, seed: int = 0
) -> Estimate:
    """How much higher marks are than others on the same seeds and cases, with its interval.

    Raises ValueError for tables of different shapes: they are not pairs.
    """
    first, second = (np.asarray(one, dtype=np.float64) for one in (marks, others))
    if first.shape != second.shape:
        raise ValueError("only the same cases can be compared in pairs")
    return interval(first - second, resamples, seed)


def _resampled_means(table: Reals, resamples: int, rng: np.random.Generator) -> Reals:
    seeds, cases = table.shape
    drawn = rng.integers(0, seeds, (resamples, seeds, 1))
    picked = rng.integers(0, cases, (resamples, seeds, cases))
    means: Reals = table[drawn, picked].mean(axis=(1, 2))
    return means


def pareto_front(points: Sequence[tuple[float, float]]) -> list[int]:
    """Indices of the points (cost, quality) that none beats, from the cheapest on.

    A point is beaten by one that costs no more and is no worse, and differs in one of the two; of
    equal points the first stands for all.
    """
    order = sorted(range(len(points)), key=lambda i: (points[i][0], -points[i][1], i))
    front: list[int] = []
    for i in order:
        if not front or points[i][1] > points[front[-1]][1]:
            front.append(i)
    return front

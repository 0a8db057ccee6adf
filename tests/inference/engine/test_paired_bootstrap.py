"""Intervals cover what they should, pairs are pairs, and nothing on the front is beaten."""

from __future__ import annotations

import numpy as np
import pytest

from inference.engine.paired_bootstrap import difference, interval, pareto_front


def test_an_interval_holds_its_mean_and_shrinks_with_the_cases() -> None:
    few, many = (interval(np.tile([1.0, 0.0, 1.0, 1.0], n)) for n in (2, 50))
    assert few.mean == many.mean == 0.75
    assert few.low < many.low < 0.75 < many.high < few.high
    assert interval([1.0] * 5) == type(few)(1.0, 1.0, 1.0)


def test_95_of_100_intervals_cover_the_truth() -> None:
    rng = np.random.default_rng(5)
    found = [interval(rng.random(60) < 0.6, seed=n) for n in range(200)]
    covered = sum(one.low <= 0.6 <= one.high for one in found) / len(found)
    assert 0.89 <= covered <= 0.99


def test_seeds_that_disagree_widen_the_interval() -> None:
    alike = np.tile([1.0, 0.0], (4, 10))
    apart = np.repeat([[1.0], [1.0], [0.0], [0.0]], 20, axis=1)
    assert interval(alike).mean == interval(apart).mean
    wide, narrow = (one.high - one.low for one in map(interval, (apart, alike)))
    assert wide > 2 * narrow


def test_pairs_are_surer_than_their_halves() -> None:
    rng = np.random.default_rng(0)
    hard = rng.random(200)
    first, second = (hard < 0.6).astype(float), (hard < 0.5).astype(float)
    gain = difference(first, second)
    assert gain.mean == pytest.approx(first.mean() - second.mean())
    assert gain.excludes_zero
    assert gain.high - gain.low < interval(first).high - interval(first).low
    assert not difference(first, first).excludes_zero


def test_what_cannot_be_estimated_is_refused() -> None:
    with pytest.raises(ValueError, match="no marks"):
        interval([])
    with pytest.raises(ValueError, match="pairs"):
        difference([1.0, 0.0], [1.0])


def test_the_front_holds_what_nothing_beats() -> None:
    rng = np.random.default_rng(1)
    points = [(float(c), float(q)) for c, q in rng.integers(0, 9, (60, 2))]
    front = pareto_front(points)
    for i, (cost, quality) in enumerate(points):
        rivals = [p for p in points if p[0] <= cost and p[1] >= quality and p != (cost, quality)]
        assert (i in front) == (not rivals and points.index((cost, quality)) == i)
    costs = [points[i][0] for i in front]
    assert costs == sorted(costs)
    assert pareto_front([]) == []

"""The moments of a training that are kept: many early, when much changes, fewer later."""

from __future__ import annotations

from itertools import pairwise

MOMENTS = 24
"""Moments of the first stretch of a training, beginning and end among them."""
FURTHER = 8
"""Moments of each later stretch."""
POINTS = 200
"""Points of the curve of a stretch."""
SPAN = 20
"""Steps of a point at least: the loss of what is held out costs up to a third of a step."""


def moments(first: int, last: int) -> list[int]:
    """The steps of a stretch, in order, at which the model is kept; `last` is one of them.

    In the first stretch they are spread over the logarithm of the step and begin with 0, which is
    the untrained model. A stretch of fewer steps than moments keeps them all.
    """
    if first:
        gaps = min(FURTHER, last - first)
        return [first + round(n * (last - first) / gaps) for n in range(1, gaps + 1)]
    if last < MOMENTS:
        return list(range(last + 1))
    found = {0, 1, last}
    spread = (last ** (n / 199) for n in range(200))
    steps = sorted({round(step) for step in spread})
    stride = (len(steps) - 1) / (MOMENTS - 2)
    found |= {steps[round(n * stride)] for n in range(MOMENTS - 1)}
    return _filled(sorted(found), last)


def _filled(steps: list[int], last: int) -> list[int]:
    """Where rounding made two moments one: halves of the widest gaps instead."""
    while len(steps) < min(MOMENTS, last + 1):
        gaps = [(b - a, a) for a, b in pairwise(steps)]
        width, start = max(gaps)
        steps = sorted({*steps, start + width // 2})
    return steps


def point_span(first: int, last: int) -> int:
    """Steps that one point of the curve stands for."""
    return max(SPAN, (last - first) // POINTS)

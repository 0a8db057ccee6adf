"""The page of durations: median and 95th percentile by model and route, as a plot and a table."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from visualizer.selectors.durations import Durations, durations
from visualizer.views.axes import Axes, Tick

PERIODS = {"hour": timedelta(hours=1), "day": timedelta(days=1), "month": timedelta(days=30)}
MARKS = (1, 2, 5)
"""Ticks are these times a power of ten."""


@dataclass(frozen=True, slots=True)
class Range:
    """A row of the plot: from the median to the 95th percentile."""

    y: str
    p50: str
    p95: str
    words: str


@login_required
@require_safe
def timings(request: HttpRequest) -> HttpResponse:
    """One's own requests; staff may look at everybody's."""
    everybody = request.user.is_staff and request.GET.get("whose") == "all"
    period = request.GET.get("period", "day")
    period = period if period in PERIODS else "day"
    found = durations(None if everybody else request.user, PERIODS[period])
    context = {
        "page": "durations",
        "rows": found,
        "plot": plot(found) if found else None,
        "periods": PERIODS,
        "period": period,
        "everybody": everybody,
    }
    return render(request, "visualizer/durations.html", context)


def plot(found: list[Durations]) -> dict[str, Any]:
    """Axes in seconds, and a line from p50 to p95 for each row, in the order of the table."""
    step = nice(max(one.p95 for one in found) / 5)
    highest = step * max(1, math.ceil(max(one.p95 for one in found) / step))
    axes = Axes(highest, len(found) + 1)
    across = [Tick(axes.x(n * step), f"{n * step:g}") for n in range(round(highest / step) + 1)]
    places = [len(found) - n for n in range(len(found))]
    up = [Tick(axes.y(place), str(n)) for n, place in enumerate(places, 1)]
    rows = [_range(axes, place, one) for place, one in zip(places, found, strict=True)]
    return {**axes.frame(across, up), "rows": rows}


def nice(value: float) -> float:
    """The next number of 1, 2, 5 times a power of ten that is not below the value."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next((mark * power for mark in MARKS if mark * power >= value), 10 * power)


def _range(axes: Axes, place: int, one: Durations) -> Range:
    words = f"{one.model or 'no model'}, {one.route}: p50 {one.p50:.3g} s, p95 {one.p95:.3g} s"
    return Range(axes.y(place), axes.x(one.p50), axes.x(one.p95), words)

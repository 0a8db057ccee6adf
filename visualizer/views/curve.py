"""Geometry of the Lab's curve: quality by speed, one line for each recipe."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from inference.catalog import RECIPES
from visualizer.selectors.lab_comparisons import front_of, mark_of
from visualizer.selectors.scores import CHECKS

WIDTH, HEIGHT = 560.0, 300.0
LEFT, RIGHT, TOP, BOTTOM = 64.0, 16.0, 14.0, 40.0
HUES = 6


@dataclass(frozen=True, slots=True)
class Point:
    """One measured row on the paper; `low` and `high`: the ends of its interval, if it has one."""

    x: str
    y: str
    text: str
    low: str
    high: str


@dataclass(frozen=True, slots=True)
class Line:
    """One recipe's points, from slow to fast; `style` is a class of static/css/compare.css."""

    name: str
    style: str
    points: list[Point]

    @property
    def path(self) -> str:
        return " ".join(f"{point.x},{point.y}" for point in self.points)


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark of an axis."""

    at: str
    label: str


def mark_label(name: str) -> str:
    """A mark in words."""
    return CHECKS[name][0] if name in CHECKS else name


def curve(results: list[dict[str, Any]], count: int = 0) -> dict[str, Any] | None:
    """Lines and ticks; None while nothing is measured."""
    if not results:
        return None
    fastest = max(1.0, *(float(row["tokens_per_pass"] or 0) for row in results))
    ways = dict.fromkeys(map(_way, results))
    lines = [_line(results, way, n, fastest, count) for n, way in enumerate(ways)]
    return {
        "lines": lines,
        "front": _front(results, fastest),
        "mark": mark_label(mark_of(results[0])[0]),
        "middle": _y(0.5),
        "has_intervals": any(point.low for line in lines for point in line.points),
        "across": [Tick(_x(fastest * n / 4, fastest), f"{fastest * n / 4:.3g}") for n in range(5)],
        "up": [Tick(_y(n / 4), f"{25 * n} %") for n in range(5)],
        "box": f"0 0 {WIDTH:.0f} {HEIGHT:.0f}",
        "left": LEFT, "right": WIDTH - RIGHT, "top": TOP, "bottom": HEIGHT - BOTTOM,
    }  # fmt: skip


def _front(results: list[dict[str, Any]], fastest: float) -> str:
    """The path of the rows that no other beats in speed and quality; empty for a single one."""
    rows = [results[index] for index in front_of(results)]
    if len(rows) < 2:
        return ""
    points = [(_x(float(r["tokens_per_pass"] or 0), fastest), _y(mark_of(r)[1])) for r in rows]
    return "M" + " L".join(f"{x} {y}" for x, y in points)


Z = 1.96
"""Standard deviations of a normal distribution that hold 95 % of it."""


def interval(share: float, count: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share that was seen in `count` cases; both in 0 to 1.

    E. B. Wilson, Probable inference, the law of succession, and statistical inference, 1927.
    """
    square = Z * Z / count
    middle = (share + square / 2) / (1 + square)
    half = Z / (1 + square) * math.sqrt(share * (1 - share) / count + square / (4 * count))
    return max(0.0, middle - half), min(1.0, middle + half)


Ends = Sequence[float] | None
"""The ends of an interval over seeds and cases, where one was made."""


def share_of(name: str, value: float, count: int, ends: Ends = None) -> dict[str, str]:
    """A mark as the table shows it: whole per cent with its interval, and how that was made.

    Without `ends` a mark of right or wrong has Wilson's; one that is a share itself has none.
    """
    shown, made = {"value": f"{value:.0%}"}, "bootstrap over seeds and cases"
    if ends is None:
        if CHECKS.get(name, ("", "", True))[2]:
            return shown
        ends, made = interval(value, count), "Wilson"
    return shown | {"interval": f"{100 * ends[0]:.0f}–{100 * ends[1]:.0f}", "made": made}


def label_of(recipe: str) -> str:
    """The recipe in plain words, as far as the catalog knows it."""
    return RECIPES[recipe].label if recipe in RECIPES else recipe


def way_label(recipe: str, block_length: int) -> str:
    """A recipe with its blocks in words."""
    name = label_of(recipe)
    return f"{name}, blocks of {block_length}" if block_length else name


def _way(row: dict[str, Any]) -> tuple[str, int]:
    return row["recipe"], row.get("block_length") or 0


def _line(
    results: list[dict[str, Any]], way: tuple[str, int], n: int, fastest: float, count: int
) -> Line:
    rows = [row for row in results if _way(row) == way]
    rows.sort(key=lambda row: float(row["tokens_per_pass"] or 0))
    return Line(way_label(*way), f"s{n % HUES}", [_point(row, fastest, count) for row in rows])


def _point(row: dict[str, Any], fastest: float, count: int) -> Point:
    speed, (name, value) = float(row["tokens_per_pass"] or 0), mark_of(row)
    steps = f"{row['steps'] or 'all'} steps"
    words = f"{way_label(*_way(row))}, {steps}: {value:.0%}, {speed:.2f} tokens per pass"
    ends: Ends = row.get("intervals", {}).get(name)
    if ends is None and (not count or CHECKS.get(name, ("", "", True))[2]):
        return Point(_x(speed, fastest), _y(value), words, "", "")
    low, high = ends or interval(value, count)
    words += f", 95 % interval {low:.0%} to {high:.0%}"
    return Point(_x(speed, fastest), _y(value), words, _y(low), _y(high))


def _x(speed: float, fastest: float) -> str:
    return f"{LEFT + (WIDTH - LEFT - RIGHT) * speed / fastest:.1f}"


def _y(share: float) -> str:
    return f"{HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share:.1f}"

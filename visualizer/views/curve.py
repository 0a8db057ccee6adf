"""Geometry of the Lab's curve: quality by speed, one line for each recipe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from inference.catalog import RECIPES

WIDTH, HEIGHT = 560.0, 300.0
LEFT, RIGHT, TOP, BOTTOM = 46.0, 16.0, 14.0, 40.0
HUES = 6


@dataclass(frozen=True, slots=True)
class Point:
    """One measured row on the paper."""

    x: str
    y: str
    text: str


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


def mark_of(row: dict[str, Any]) -> tuple[str, float]:
    """Name and value of the mark that matters first; a row without marks counts as 0."""
    name, value = next(iter(row["marks"].items()), ("", 0.0))
    return name, float(value)


def curve(results: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Lines and ticks; None while nothing is measured."""
    if not results:
        return None
    fastest = max(1.0, *(float(row["tokens_per_pass"] or 0) for row in results))
    names = dict.fromkeys(row["recipe"] for row in results)
    lines = [_line(results, name, n, fastest) for n, name in enumerate(names)]
    return {
        "lines": lines,
        "mark": mark_of(results[0])[0],
        "across": [Tick(_x(fastest * n / 4, fastest), f"{fastest * n / 4:.3g}") for n in range(5)],
        "up": [Tick(_y(n / 4), f"{25 * n} %") for n in range(5)],
        "box": f"0 0 {WIDTH:.0f} {HEIGHT:.0f}",
        "left": LEFT, "right": WIDTH - RIGHT, "top": TOP, "bottom": HEIGHT - BOTTOM,
    }  # fmt: skip


def label_of(recipe: str) -> str:
    """The recipe in plain words, as far as the catalog knows it."""
    return RECIPES[recipe].label if recipe in RECIPES else recipe


def _line(results: list[dict[str, Any]], name: str, n: int, fastest: float) -> Line:
    rows = [row for row in results if row["recipe"] == name]
    rows.sort(key=lambda row: float(row["tokens_per_pass"] or 0))
    return Line(label_of(name), f"s{n % HUES}", [_point(row, fastest) for row in rows])


def _point(row: dict[str, Any], fastest: float) -> Point:
    speed, (_, value) = float(row["tokens_per_pass"] or 0), mark_of(row)
    steps = f"{row['steps'] or 'all'} steps"
    words = f"{label_of(row['recipe'])}, {steps}: {value:.0%}, {speed:.2f} tokens per pass"
    return Point(_x(speed, fastest), _y(value), words)


def _x(speed: float, fastest: float) -> str:
    return f"{LEFT + (WIDTH - LEFT - RIGHT) * speed / fastest:.1f}"


def _y(share: float) -> str:
    return f"{HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share:.1f}"

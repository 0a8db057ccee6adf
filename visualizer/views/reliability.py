"""Geometry of the reliability diagram: accuracy by confidence, before and after."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from visualizer.views.axes import Axes, Tick

AXES = Axes(1, 1)
SMALLEST, LARGEST = 3.0, 12.0
SERIES = (("before", "at temperature 1", "s1"), ("after", "at the fitted temperature", "s0"))


@dataclass(frozen=True, slots=True)
class Dot:
    """A bin: its area grows with how many answers are in it."""

    x: str
    y: str
    radius: str
    text: str


@dataclass(frozen=True, slots=True)
class Series:
    """The bins of one temperature, from the least sure to the surest."""

    name: str
    style: str
    points: str
    dots: list[Dot]


def diagram(results: dict[str, Any]) -> dict[str, Any]:
    """Axes, the diagonal on which an answer is as sure as it is right, and a line for each."""
    fifths = [n / 5 for n in range(6)]
    across = [Tick(AXES.x(n), f"{n:.0%}") for n in fifths]
    frame = AXES.frame(across, [Tick(AXES.y(n), f"{n:.0%}") for n in fifths])
    lines = [_series(results[key]["bins"], name, style) for key, name, style in SERIES]
    return {**frame, "diagonal": AXES.points([(0, 0), (1, 1)]), "lines": lines}


def _series(bins: list[dict[str, Any]], name: str, style: str) -> Series:
    most = max(one["count"] for one in bins)
    pairs = [(one["confidence"], one["accuracy"]) for one in bins]
    return Series(name, style, AXES.points(pairs), [_dot(one, most, name) for one in bins])


def _dot(one: dict[str, Any], most: int, name: str) -> Dot:
    radius = max(SMALLEST, LARGEST * (one["count"] / most) ** 0.5)
    words = (
        f"{name}: {one['count']} answers that were {one['confidence']:.0%} sure, "
        f"{one['accuracy']:.0%} right"
    )
    return Dot(AXES.x(one["confidence"]), AXES.y(one["accuracy"]), f"{radius:.1f}", words)

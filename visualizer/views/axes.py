"""Axes of a plot: from values to places on the paper, with the ticks that are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

WIDTH, HEIGHT = 560.0, 300.0
LEFT, RIGHT, TOP, BOTTOM = 52.0, 16.0, 14.0, 44.0


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark of an axis."""

    at: str
    label: str


@dataclass(frozen=True, slots=True)
class Axes:
    """Linear axes from 0 to `across` and from 0 to `up`."""

    across: float
    up: float

    def x(self, value: float) -> str:
        return f"{LEFT + (WIDTH - LEFT - RIGHT) * value / self.across:.1f}"

    def y(self, value: float) -> str:
        return f"{HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / self.up:.1f}"

    def points(self, pairs: Sequence[tuple[float, float]]) -> str:
        """Of a polyline."""
        return " ".join(f"{self.x(x)},{self.y(y)}" for x, y in pairs)

    def frame(self, across: Sequence[Tick], up: Sequence[Tick]) -> dict[str, Any]:
        """What templates/visualizer/fragments/axes.html draws."""
        box = f"0 0 {WIDTH:.0f} {HEIGHT:.0f}"
        edges = {"left": LEFT, "right": WIDTH - RIGHT, "top": TOP, "bottom": HEIGHT - BOTTOM}
        return {"box": box, "across": across, "up": up, **edges}

"""A task's picture: quality against passes for every way, the Pareto front, and the ceiling."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from inference.engine.atlas.ceilings import even_sizes
from inference.engine.atlas.exact_tasks import ExactTask
from inference.engine.atlas.summary import REFERENCE, Summary, front_of
from inference.engine.errors import InputError

STYLE: dict[Any, Any] = {"svg.hashsalt": "atlas", "svg.fonttype": "none", "font.size": 9}
"""The same file for the same numbers; text stays text."""


def draw(path: Path, task: ExactTask, rows: Sequence[Summary]) -> None:
    """Write the SVG. Raises InputError without matplotlib."""
    try:
        import matplotlib
    except ImportError:
        raise InputError("The pictures need matplotlib: `make setup-dev`.", "output") from None

    matplotlib.use("Agg")
    from matplotlib import pyplot

    with matplotlib.rc_context(STYLE):
        figure, axes = pyplot.subplots(figsize=(7, 3.6), layout="constrained")
        _ways(axes, rows)
        _front(axes, front_of(rows))
        if task.ceiling is not None:
            _ceiling(axes, task)
        axes.set(xlabel="forward passes per case", ylabel=task.mark, ylim=(-0.04, 1.04))
        axes.set_title(task.label)
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_formatter("{x:g}")
        axes.grid(alpha=0.3)
        axes.legend(loc="lower right")
        figure.savefig(path, metadata={"Date": None, "Creator": None})
        pyplot.close(figure)


def _ways(axes: Any, rows: Sequence[Summary]) -> None:
    known = [row for row in rows if row.way.recipe == REFERENCE]
    others = [row for row in rows if row.way.recipe != REFERENCE]
    for label, group, colour in (("other rules", others, "#8a8f98"), (REFERENCE, known, "#d9480f")):
        points = [row.passes for row in group], [row.quality.mean for row in group]
        axes.scatter(*points, s=16, alpha=0.7, color=colour, label=label)


def _front(axes: Any, front: Sequence[Summary]) -> None:
    passes, means = [row.passes for row in front], [row.quality.mean for row in front]
    below = [row.quality.mean - row.quality.low for row in front]
    above = [row.quality.high - row.quality.mean for row in front]
    axes.errorbar(
        passes, means, yerr=[below, above], color="#1864ab", capsize=2, marker="o",
        markersize=4, drawstyle="steps-post", label="Pareto front, 95 % interval",
    )  # fmt: skip


def _ceiling(axes: Any, task: ExactTask) -> None:
    """The ceiling for each number of even steps."""
    assert task.ceiling is not None
    steps = range(1, task.places + 1)
    shares = [task.ceiling(even_sizes(task.places, count)) for count in steps]
    axes.plot(steps, shares, color="#2b8a3e", linestyle="--", label="ceiling: even steps, drawn")

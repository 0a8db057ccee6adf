"""An evaluation's report as text, CSV and a plot."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from inference.engine.training.evaluation import Report, Row
from inference.engine.training.task import Task

HEAD = ("recipe", "block", "T", "steps", "passes", "tokens/pass")


def cells(row: Row, aims: Sequence[str]) -> list[str]:
    """A row's values as people read them; 0 steps is one token per pass."""
    return [
        row.recipe,
        str(row.block_length or "one"),
        f"{row.temperature:g}",
        str(row.steps or "1 token each"),
        f"{row.passes:.1f}",
        f"{row.tokens_per_forward:.2f}",
        *(f"{row.marks[aim]:.3f}" for aim in aims),
    ]


def text_table(rows: Sequence[Row], aims: Sequence[str]) -> str:
    """A table in columns for a terminal."""
    lines = [[*HEAD, *aims], *(cells(row, aims) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def markdown_table(rows: Sequence[Row], aims: Sequence[str]) -> str:
    """The same table in Markdown."""
    lines = [[*HEAD, *aims], ["---"] * (len(HEAD) + len(aims))]
    lines += [cells(row, aims) for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def write_csv(path: Path, report: Report, task: Task) -> None:
    """One line per row, with the bound and the number of cases in each."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        names = ("block_length", "temperature", "steps", "passes", "tokens_per_forward", "seconds")
        writer.writerow(
            ["task", "cases", "seed", "elbo_nats_per_token", "recipe", *names, *task.aims]
        )
        for row in report.rows:
            measured = [getattr(row, name) for name in names]
            marks = [row.marks[aim] for aim in task.aims]
            first = [report.task, report.cases, report.seed, report.elbo_nats_per_token]
            writer.writerow([*first, row.recipe, *measured, *marks])


def write_plot(path: Path, report: Report, task: Task) -> None:
    """The task's first mark against forward passes, one line per recipe (PNG or SVG)."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 4.5), layout="constrained")
    for recipe in dict.fromkeys(row.recipe for row in report.rows):
        rows = sorted((r for r in report.rows if r.recipe == recipe), key=lambda r: r.passes)
        marks = [row.marks[task.aims[0]] for row in rows]
        axes.plot([row.passes for row in rows], marks, marker="o", label=recipe)
    axes.set(xlabel="forward passes per case", ylabel=task.aims[0], ylim=(-0.03, 1.03))
    axes.set_title(f"{task.label}: quality against steps ({report.cases} cases)")
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")
    figure.savefig(path, dpi=120)
    pyplot.close(figure)

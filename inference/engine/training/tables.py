"""An evaluation's report as text, CSV and a plot."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from inference.engine.errors import InputError
from inference.engine.training.evaluation import Report, Row
from inference.engine.training.task import Task

HEAD = ("recipe", "block", "T", "end last", "steps", "passes", "tokens/pass")


def cells(row: Row, aims: Sequence[str]) -> list[str]:
    """A row's values as people read them."""
    how = row.settings
    return [
        how.recipe,
        str(how.block_length or "one"),
        f"{how.temperature:g}",
        "yes" if how.eos_last else "no",
        str(how.steps or "one token each"),
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
    first = {
        "task": report.task,
        "cases": report.cases,
        "elbo_nats_per_token": report.elbo_nats_per_token,
    }
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        for index, row in enumerate(report.rows):
            measured = {
                name: getattr(row, name) for name in ("passes", "tokens_per_forward", "seconds")
            }
            marks = {aim: row.marks[aim] for aim in task.aims}
            line = first | vars(row.settings) | measured | marks
            if index == 0:
                writer.writerow(line)
            writer.writerow(line.values())


def label_of(row: Row) -> str:
    """What tells the lines of a plot apart: everything but the number of steps."""
    how = row.settings
    block = f", blocks of {how.block_length}" if how.block_length else ""
    warmth = f", T {how.temperature:g}" if how.temperature else ""
    return f"{how.recipe}{block}{warmth}{', end last' if how.eos_last else ''}"


def write_plot(path: Path, report: Report, task: Task) -> None:
    """The task's first mark against forward passes, one line per recipe (PNG or SVG)."""
    try:
        import matplotlib
    except ImportError:
        raise InputError("A plot needs matplotlib: `make setup-dev`.", "plot") from None

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 4.5), layout="constrained")
    for label in dict.fromkeys(map(label_of, report.rows)):
        rows = sorted((r for r in report.rows if label_of(r) == label), key=lambda r: r.passes)
        marks = [row.marks[task.aims[0]] for row in rows]
        axes.plot([row.passes for row in rows], marks, marker="o", label=label)
    axes.set(xlabel="forward passes per case", ylabel=task.aims[0], ylim=(-0.03, 1.03))
    axes.set_title(f"{task.label}: quality against steps ({report.cases} cases)")
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")
    figure.savefig(path, dpi=120)
    pyplot.close(figure)

"""docs/atlas.md and its pictures, written from what was measured and from nothing else."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from inference.catalog import RECIPES
from inference.engine.atlas.ceilings import even_sizes
from inference.engine.atlas.exact_tasks import EXACT_TASKS, ExactTask
from inference.engine.atlas.grid import Way, growing_recipes
from inference.engine.atlas.measure import Extent, Measured, Outcome, Refused
from inference.engine.atlas.pictures import draw
from inference.engine.atlas.summary import (
    REFERENCE,
    Summary,
    best_of,
    front_of,
    gain_over,
    reference_for,
    summaries,
)
from inference.engine.paired_bootstrap import Estimate

PICTURES = "atlas"

HEAD = """# Atlas of decoding rules

Every rule that a shipped model can be decoded with, over steps, block lengths and seeds, on tasks \
whose answers can be checked. This page and its pictures are written by the command below; nothing \
in them is typed by hand.

```
{command}
```

{decodes:,} cases decoded in {seconds:.0f} s by {processes} processes of one thread: {ways} ways, \
seeds {seeds}, up to {cases} cases of each seed (a task with long answers gets fewer). \
Intervals hold 95 %: bootstrap over seeds and over the cases in them. A difference is paired: the \
same cases of the same seeds, against `{reference}` in one block at the nearest number of passes; \
it is bold where its interval leaves out 0. The front holds the ways that no other way beats in \
both passes and quality. With so many ways, some lead by luck: the interval says how much.

Rules that set their own pace are measured at their threshold (or at their default where they have \
none) instead of steps. Temperature 0, on waiting lines 1. {growing} are left out: they find the \
length of an answer by themselves, and every task here gives it with its places. Definitions and \
sources of the rules: [decoding.md](decoding.md). The same for a \
choice of rules, with "watch this case": the page Lab."""

CEILING = """The dashed line is what a perfect model reaches that draws the places of one step \
independently, in even steps and in an order that knows nothing ({steps}). Rules that take the \
surest places first, or take back what they wrote, can lie on either side of it."""


@dataclass(frozen=True)
class Facts:
    """What the page says of the run that made it."""

    command: str
    seconds: float
    processes: int
    extent: Extent


def write_report(path: Path, outcome: Outcome, facts: Facts) -> None:
    """Write the page, and a picture for each task into the folder beside it."""
    rows = summaries(one for one in outcome if isinstance(one, Measured))
    by_task = {
        name: own for name in EXACT_TASKS if (own := [row for row in rows if row.task == name])
    }
    folder = path.parent / PICTURES
    folder.mkdir(parents=True, exist_ok=True)
    for name, own in by_task.items():
        draw(folder / f"{name}.svg", EXACT_TASKS[name], own)
    parts = [_head(rows, facts), _overview(by_task)]
    parts += [_section(EXACT_TASKS[name], own) for name, own in by_task.items()]
    parts += _refusals([one for one in outcome if isinstance(one, Refused)])
    path.write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def _head(rows: Sequence[Summary], facts: Facts) -> str:
    return HEAD.format(
        command=facts.command,
        decodes=sum(row.marks.size for row in rows),
        seconds=facts.seconds,
        processes=facts.processes,
        ways=len(rows),
        seeds=", ".join(map(str, facts.extent.seeds)),
        cases=facts.extent.cases,
        reference=REFERENCE,
        growing=" and ".join(f"`{name}`" for name in growing_recipes()),
    )


def _table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _overview(by_task: dict[str, list[Summary]]) -> str:
    """Every rule's best way on every task."""
    names = [name for name in RECIPES if any(best_of(name, own) for own in by_task.values())]
    lines = [
        [f"`{name}`", *(_best(best_of(name, own)) for own in by_task.values())] for name in names
    ]
    head = ["rule", *(EXACT_TASKS[name].label.replace("Waiting line: ", "") for name in by_task)]
    says = "Each rule's best way on each task: the share of right answers, and the mean passes."
    return f"## Overview\n\n{says}\n\n{_table(head, lines)}"


def _best(row: Summary | None) -> str:
    return "" if row is None else f"{row.quality.mean:.0%} ({row.passes:.1f})"


def _section(task: ExactTask, rows: list[Summary]) -> str:
    parts = [f"## {task.label}", f"![{task.label}]({PICTURES}/{task.name}.svg)"]
    parts += [_ceiling(task)] if task.ceiling is not None else []
    head = ["rule", "way", "passes", "tokens/pass", task.mark, "difference"]
    lines = [_front_line(row, rows) for row in front_of(rows)]
    return "\n\n".join([*parts, "The front:", _table(head, lines)])


def _ceiling(task: ExactTask) -> str:
    assert task.ceiling is not None
    shares = [
        f"{task.ceiling(even_sizes(task.places, steps)):.1%} in {steps}"
        for steps in range(1, task.places + 1)
    ]
    return CEILING.format(steps=", ".join(shares))


def _front_line(row: Summary, rows: list[Summary]) -> list[str]:
    known = reference_for(row, rows)
    return [
        f"`{row.way.recipe}`",
        way_text(row.way),
        f"{row.passes:.1f}",
        f"{row.tokens_per_pass:.2f}",
        f"{row.quality.mean:.0%} ({100 * row.quality.low:.0f}–{100 * row.quality.high:.0f})",
        "" if known is None or known is row else gain_text(gain_over(row, known)),
    ]


def way_text(way: Way) -> str:
    """A way in words."""
    pace = f"{way.steps} steps" if way.steps else "one token a pass"
    if way.threshold is not None:
        pace = f"threshold {way.threshold:g}"
    elif RECIPES[way.recipe].own_pace:
        pace = "its own pace"
    return f"{pace}, blocks of {way.block_length}" if way.block_length else pace


def gain_text(gain: Estimate) -> str:
    """A difference in points of per cent; bold where its interval leaves out 0."""
    low, high = math.floor(100 * gain.low), math.ceil(100 * gain.high)
    text = f"{100 * gain.mean:+.0f} ({low:+d} to {high:+d})"
    return f"**{text}**" if gain.excludes_zero else text


def _refusals(refused: Sequence[Refused]) -> list[str]:
    if not refused:
        return []
    lines = dict.fromkeys(f"- `{r.way.recipe}`: {r.reason}" for r in refused)
    return ["## Refused by the engine", "\n".join(lines)]

"""The exact tasks of the atlas: which model, which cases, and over which steps and blocks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from tokenizers import Tokenizer

from inference.engine.atlas.ceilings import CEILINGS, Sizes
from inference.engine.corpora.waiting_line import OPERATIONS
from inference.engine.training import waiting_line_task
from inference.engine.training.task import Case
from inference.engine.training.tasks import TASKS

Cases = Callable[[Tokenizer, int, int], list[Case]]


@dataclass(frozen=True)
class ExactTask:
    """One task of the atlas.

    `steps` and `blocks` are the grid (0 steps = one token a pass, None = one block); `mark` is the
    one that is drawn. `ceiling` maps the sizes of the steps over `places` places to the share of
    right answers that a perfect model reaches. `weight`: the share of the cases that one seed gets,
    since a story takes as long as forty lines.
    """

    name: str
    label: str
    model: str
    mark: str
    cases: Cases
    steps: tuple[int, ...]
    blocks: tuple[int | None, ...]
    temperature: float = 0.0
    weight: float = 1.0
    places: int = 0
    ceiling: Callable[[Sizes], float] | None = None


def _line(operation: str) -> ExactTask:
    growth = OPERATIONS[operation].growth
    return ExactTask(
        name=f"waiting_line_{operation}",
        label=f"Waiting line: {operation}",
        model="waiting_line",
        mark="exact",
        cases=partial(waiting_line_task.cases_of, operation),
        steps=(0, 3, 2, 1),
        blocks=(None, 3),
        temperature=1.0,
        weight=0.65,
        places=waiting_line_task.CASE_LENGTH + growth,
        ceiling=CEILINGS.get(operation),
    )


EXACT_TASKS: dict[str, ExactTask] = {
    task.name: task
    for task in (
        ExactTask(
            "addition", "Addition", "addition", "exact", TASKS["addition"].cases,
            steps=(0, 3, 1), blocks=(None, 3),
        ),
        ExactTask(
            "sudoku", "Sudoku", "sudoku", "exact", TASKS["sudoku"].cases,
            steps=(12, 6, 3), blocks=(None, 12), weight=0.5,
        ),
        ExactTask(
            "stories", "Stories", "stories", "prompt", TASKS["stories"].cases,
            steps=(32, 16), blocks=(None, 16), weight=0.25,
        ),
        ExactTask(
            "gaps", "Gaps in stories", "infill", "prompt", TASKS["infill"].cases,
            steps=(0, 3), blocks=(None,), weight=0.5,
        ),
        *map(_line, OPERATIONS),
    )
}  # fmt: skip

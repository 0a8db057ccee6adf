"""The table of tasks that the trainer and the evaluation know."""

from __future__ import annotations

from inference.engine.training import (
    addition_task,
    infill_task,
    story_task,
    sudoku_task,
    waiting_line_task,
)
from inference.engine.training.task import Task

TASKS: dict[str, Task] = {
    task.name: task
    for task in (
        story_task.TASK,
        addition_task.TASK,
        sudoku_task.TASK,
        infill_task.TASK,
        waiting_line_task.TASK,
    )
}

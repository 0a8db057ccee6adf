"""Doing what there is to do for workers, as one of them would."""

from __future__ import annotations

from typing import Any

from playground.models import Completion, Message
from playground.worker import answers, completions
from visualizer.models import Generation, Session
from visualizer.worker import generation, tasks

_WORK: dict[Any, Any] = {
    Message: answers.work,
    Generation: generation.work,
    Session: tasks.advance_session,
    Completion: completions.work,
}


def work_once() -> bool:
    """One piece of the first row that has work. False if there is none."""
    for model, work in _WORK.items():
        row = model.with_work().first()
        if row is not None:
            work(str(row.pk))
            return True
    return False


def work_off(most: int = 1000) -> None:
    """Everything, and what comes of it, until nothing is left."""
    for _ in range(most):
        if not work_once():
            return
    raise AssertionError("the work does not end")

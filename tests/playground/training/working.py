"""Trainings worked in this process, as a child would, and what workers do for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from inference.engine.training.texts.session import Order, TextTraining
from playground.training.models import Training
from playground.training.worker import trainings

Told = dict[str, Any]
TINY = {"layers": 1, "width": 16, "heads": 2, "context": 16, "batch_size": 4, "vocabulary": 300}
TEXT = "A cat sat on a mat. A dog sat on a log. The cat saw the dog run.\n" * 30


class InProcess:
    """A source that trains when it is read, `each` lines at a time; `meanwhile` comes before."""

    def __init__(self, order: Order, each: int, meanwhile: Callable[[], None]) -> None:
        self.wanted_end = False
        self._told = TextTraining(order).run(lambda: self.wanted_end)
        self._each, self._meanwhile = each, meanwhile

    def read(self, seconds: float) -> list[Told]:
        self._meanwhile()
        found = []
        for told in self._told:
            found.append(told)
            if len(found) >= self._each:
                break
        return found

    def end(self) -> None:
        self.wanted_end = True


def in_process(each: int = 3, meanwhile: Callable[[], None] = lambda: None) -> Any:
    """Stands for `playground.training.worker.child.started`."""

    @contextmanager
    def started(order: Order) -> Iterator[InProcess]:
        yield InProcess(order, each, meanwhile)

    return started


def work_off(most: int = 50) -> None:
    """Every training that goes on, until none does."""
    for _ in range(most):
        row = Training.with_work().first()
        if row is None:
            return
        trainings.work(str(row.pk))
    raise AssertionError("the work does not end")

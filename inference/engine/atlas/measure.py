"""Measuring the grid: cases of each seed, decoded in every way, in processes of one thread each."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path

import torch

from inference.engine.atlas.exact_tasks import EXACT_TASKS, ExactTask
from inference.engine.atlas.grid import Way, recipes_of, ways_of
from inference.engine.checkpoint import LoadedModel, load
from inference.engine.errors import EngineError
from inference.engine.training.evaluation import judged, native_tokenizer
from inference.engine.training.task import Case


@dataclass(frozen=True)
class Measured:
    """One case in one way: `mark` in 0 to 1, the task's main one, passes and filled-in tokens."""

    task: str
    recipe: str
    steps: int
    threshold: float | None
    block_length: int | None
    seed: int
    case: int
    passes: int
    tokens: int
    mark: float

    @property
    def way(self) -> Way:
        """The way in which it was decoded."""
        return Way(self.recipe, self.steps, self.threshold, self.block_length)


@dataclass(frozen=True)
class Refused:
    """A way that the engine refused, with its reason."""

    task: str
    way: Way
    reason: str


@dataclass(frozen=True)
class Extent:
    """How much is measured: cases of a seed (a task's weight shortens them) and seeds."""

    cases: int = 16
    seeds: tuple[int, ...] = (0, 1, 2)

    def cases_for(self, task: ExactTask) -> int:
        """At least two cases of each seed."""
        return max(2, math.ceil(self.cases * task.weight))


Unit = tuple[str, str]
"""A task and a rule: what one process works at a time."""
Outcome = list[Measured | Refused]


def units(tasks: Sequence[str], recipes: Sequence[str] = ()) -> list[Unit]:
    """Tasks with their rules, the longest ones first so that no process is left alone with them."""
    names = sorted(tasks, key=lambda name: -EXACT_TASKS[name].steps[0])
    return [
        (name, recipe)
        for name in names
        for recipe in recipes_of(EXACT_TASKS[name])
        if not recipes or recipe in recipes
    ]


def measure(
    shipped: Path,
    work: Sequence[Unit],
    extent: Extent,
    processes: int = 2,
    report: Callable[[Unit, Outcome], None] = lambda unit, outcome: None,
) -> dict[Unit, Outcome]:
    """Everything measured; `shipped` holds the models' directories, `report` hears of each unit."""
    found: dict[Unit, Outcome] = {}
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        waiting = {pool.submit(measure_unit, shipped, unit, extent): unit for unit in work}
        for done in as_completed(waiting):
            found[waiting[done]] = done.result()
            report(waiting[done], found[waiting[done]])
    return found


def measure_unit(shipped: Path, unit: Unit, extent: Extent) -> Outcome:
    """One rule on one task, in every way."""
    torch.set_num_threads(1)
    task = EXACT_TASKS[unit[0]]
    model = _model(shipped / task.model)
    return [one for way in ways_of(unit[1], task) for one in _measured(model, task, way, extent)]


def _measured(model: LoadedModel, task: ExactTask, way: Way, extent: Extent) -> Outcome:
    try:
        return list(_cases_in(model, task, way, extent))
    except EngineError as error:
        return [Refused(task.name, way, error.message)]


def _cases_in(model: LoadedModel, task: ExactTask, way: Way, extent: Extent) -> Iterator[Measured]:
    for seed in extent.seeds:
        settings = way.settings(task, seed)
        for number, case in enumerate(_cases(model.path, task.name, extent.cases_for(task), seed)):
            one = judged(model, case, settings, number)
            yield Measured(
                task.name, way.recipe, way.steps, way.threshold, way.block_length,
                seed, number, one.passes, one.tokens, one.marks[task.mark],
            )  # fmt: skip


@lru_cache(maxsize=8)
def _model(folder: Path) -> LoadedModel:
    return load(folder, dtype=torch.float32)


@lru_cache(maxsize=64)
def _cases(path: str, task: str, count: int, seed: int) -> list[Case]:
    """The cases of a seed, made once in a process: puzzles take a while."""
    tokenizer = native_tokenizer(_model(Path(path)))
    return EXACT_TASKS[task].cases(tokenizer, count, seed)

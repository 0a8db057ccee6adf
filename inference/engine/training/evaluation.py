"""Quality of a model on a task against the number of decoding steps."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer

from inference.engine import forward
from inference.engine.checkpoint import LoadedModel
from inference.engine.errors import InputError
from inference.engine.training.decode import decode
from inference.engine.training.noise import elbo_nats
from inference.engine.training.task import Case, Marks, Task


@dataclass(frozen=True)
class Question:
    """What to measure: recipes by name, numbers of steps (0 = one token per step), cases."""

    recipes: tuple[str, ...]
    steps: tuple[int, ...] = (0,)
    count: int = 60
    seed: int = 0
    block_length: int | None = None
    temperature: float = 0.0


@dataclass(frozen=True)
class Row:
    """One line of the table. `passes` is the mean number of forward passes of a case, `marks`
    the mean of each mark, all in 0…1."""

    recipe: str
    steps: int
    block_length: int | None
    temperature: float
    passes: float
    tokens_per_forward: float
    seconds: float
    marks: Marks


@dataclass
class Report:
    """The table, the bound in nats per token, and what it was measured on."""

    task: str
    cases: int
    seed: int
    elbo_nats_per_token: float
    rows: list[Row] = field(default_factory=list)

    def joined(self, other: Report) -> Report:
        """The rows of two reports on the same cases in one."""
        return replace(self, rows=[*self.rows, *other.rows])

    def as_json(self) -> dict[str, Any]:
        """Plain values for the sidecar."""
        return asdict(self)


def evaluate(
    model: LoadedModel, task: Task, question: Question, report: Callable[[Row], None] | None = None
) -> Report:
    """Decode the task's cases with every recipe and number of steps, and judge them.

    `report` is called with each finished row. Raises InputError for an unknown recipe.
    """
    tokenizer = native_tokenizer(model)
    cases = task.cases(tokenizer, question.count, question.seed)
    result = Report(task.name, question.count, question.seed, bound(model, task, question.count))
    for recipe in question.recipes:
        for steps in question.steps:
            row = measure(model, cases, question, recipe, steps)
            result.rows.append(row)
            if report is not None:
                report(row)
    return result


def mask_of(model: LoadedModel) -> int:
    """The mask's id; raises InputError for a model that has none."""
    if model.spec.mask_id is None:
        raise InputError("This model has no mask token, so it cannot be evaluated here.", "model")
    return model.spec.mask_id


def native_tokenizer(model: LoadedModel) -> Tokenizer:
    """The tokenizer that the model's directory holds, as the corpora use it."""
    return Tokenizer.from_file(str(Path(model.path) / "tokenizer.json"))


def measure(
    model: LoadedModel, cases: list[Case], question: Question, recipe: str, steps: int
) -> Row:
    """One row: every case decoded with one recipe and one number of steps."""
    began = time.perf_counter()
    outcomes = [decode(model, case, recipe, steps, question) for case in cases]
    seconds = time.perf_counter() - began
    passes = sum(outcome.passes for outcome in outcomes)
    tokens = sum(outcome.tokens for outcome in outcomes)
    verdicts = [case.judge(o.ids) for case, o in zip(cases, outcomes, strict=True)]
    return Row(
        recipe=recipe,
        steps=steps,
        block_length=question.block_length,
        temperature=question.temperature,
        passes=round(passes / len(cases), 2),
        tokens_per_forward=round(tokens / passes, 3),
        seconds=round(seconds, 2),
        marks=mean_marks(verdicts),
    )


def mean_marks(verdicts: Iterable[Marks]) -> Marks:
    """The mean of every mark, to three places."""
    listed = list(verdicts)
    return {name: round(sum(v[name] for v in listed) / len(listed), 3) for name in listed[0]}


def bound(model: LoadedModel, task: Task, count: int) -> float:
    """The ELBO of held-out documents in nats per token."""
    held_out = task.held_out(native_tokenizer(model), max(count, 64))

    def logits_of(ids: torch.Tensor) -> torch.Tensor:
        return forward.logits_batch(model, ids)

    nats = elbo_nats(logits_of, held_out.batch, mask_of(model))
    return round(nats / held_out.tokens, 4)

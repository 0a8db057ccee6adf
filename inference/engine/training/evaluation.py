"""Quality of a model on a task against the number of decoding steps."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer

from inference.engine import forward
from inference.engine.checkpoint import LoadedModel
from inference.engine.decoding.recipes import recipe_named
from inference.engine.forward import ForwardMany, forward_many
from inference.engine.training.decode import Settings, decode, mask_of
from inference.engine.training.noise import elbo_nats
from inference.engine.training.task import Case, Marks, Task

BOUND_DOCUMENTS = 256


@dataclass(frozen=True)
class Row:
    """One line of the table. `passes` is the mean number of forward passes of a case, `marks`
    the mean of each mark, all in 0…1, `seconds` the time of all cases together."""

    settings: Settings
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

    def as_json(self) -> dict[str, Any]:
        """Plain values for the sidecar."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Report:
        """The report that `as_json` gave."""
        rows = [Row(**{**row, "settings": Settings(**row["settings"])}) for row in data["rows"]]
        return cls(**{**data, "rows": rows})


def evaluate(
    model: LoadedModel,
    task: Task,
    settings: Sequence[Settings],
    count: int = 60,
    seed: int = 0,
    report: Callable[[Row], None] | None = None,
) -> Report:
    """Decode the task's cases in every way asked for, and judge them.

    `report` is called with each finished row. Raises InputError for an unknown recipe, before
    any work is done.
    """
    for one in settings:
        recipe_named(one.recipe)
    tokenizer = native_tokenizer(model)
    cases = task.cases(tokenizer, count, seed)
    result = Report(task.name, count, seed, bound(model, task))
    for one in settings:
        row = measure(model, cases, one)
        result.rows.append(row)
        if report is not None:
            report(row)
    return result


def measure(model: LoadedModel, cases: list[Case], settings: Settings) -> Row:
    """One row: every case decoded in one way."""
    return row_of(settings, [judged(model, c, settings, n) for n, c in enumerate(cases)])


@dataclass(frozen=True)
class Judged:
    """One case: its forward passes, the tokens filled in, the seconds that took, its marks."""

    passes: int
    tokens: int
    seconds: float
    marks: Marks


def judged(
    model: LoadedModel,
    case: Case,
    settings: Settings,
    number: int,
    forward: ForwardMany = forward_many,
) -> Judged:
    """A case decoded and judged; `number` is its place among the cases."""
    began = time.perf_counter()
    outcome = decode(model, case, settings, number, forward)
    seconds = time.perf_counter() - began
    return Judged(outcome.passes, outcome.tokens, seconds, case.judge(outcome.ids))


def row_of(settings: Settings, cases: Sequence[Judged]) -> Row:
    """The row of the table that these cases give."""
    passes = sum(case.passes for case in cases)
    return Row(
        settings=settings,
        passes=round(passes / len(cases), 2),
        tokens_per_forward=round(sum(case.tokens for case in cases) / passes, 3),
        seconds=round(sum(case.seconds for case in cases), 2),
        marks=mean_marks(case.marks for case in cases),
    )


def mean_marks(verdicts: Iterable[Marks]) -> Marks:
    """The mean of every mark, to three places."""
    listed = list(verdicts)
    return {name: round(sum(v[name] for v in listed) / len(listed), 3) for name in listed[0]}


def native_tokenizer(model: LoadedModel) -> Tokenizer:
    """The tokenizer that the model's directory holds, as the corpora use it."""
    return Tokenizer.from_file(str(Path(model.path) / "tokenizer.json"))


def bound(model: LoadedModel, task: Task) -> float:
    """The ELBO of held-out documents in nats per token; fewer documents make it a lottery."""
    held_out = task.held_out(native_tokenizer(model), BOUND_DOCUMENTS)

    def logits_of(ids: torch.Tensor) -> torch.Tensor:
        return forward.logits_batch(model, ids)

    nats = elbo_nats(logits_of, held_out.batch, mask_of(model))
    return round(nats / held_out.tokens, 4)

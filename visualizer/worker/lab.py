"""One slice of a job of the Lab: cases of a task, decoded and judged by the trainer's evaluation.

A slice stores what it measured in one fenced transaction; a crash loses that much at most, and
whoever goes on decodes the same cases with the same dice.
"""

from __future__ import annotations

import time
from dataclasses import asdict, replace
from typing import Any
from uuid import UUID

from core.jobs.leases import Lease, fenced
from core.jobs.renewals import renewed
from core.worker.executor import advance
from core.worker.slices import work_guarded
from inference import runtime
from inference.engine.checkpoint import LoadedModel
from inference.engine.paired_bootstrap import interval
from inference.engine.training.adaptation import question_cases
from inference.engine.training.decode import Settings, mask_of
from inference.engine.training.evaluation import Judged, Row, judged, native_tokenizer, row_of
from inference.engine.training.task import Case
from inference.engine.training.tasks import TASKS
from inference.errors import UnmaskError
from inference.limits import SLICE_SECONDS
from inference.runtime.error_mapping import engine_errors
from visualizer.models import LabJob
from visualizer.selectors.lab_comparisons import table_of
from visualizer.services import lab
from visualizer.worker.judges import judge_for, likely_by, shares_tokens

Status = LabJob.Status
KEPT = 4
AIMS = {name: task.aims for name, task in TASKS.items()} | {
    question_cases.NAME: question_cases.AIMS
}
"""Task → its marks, the one that matters first."""
_CASES: dict[tuple[str, str, int, int, int], list[Case]] = {}
"""Cases of the jobs at work: puzzles take longer to make than a slice has time."""


def work(job_id: UUID | str, seconds: float = SLICE_SECONDS) -> None:
    """Work a job for a while, unless another worker is at it; then send it on its way again."""
    advance(LabJob, job_id, lambda lease: work_slice(lease, seconds))


def work_slice(lease: Lease, seconds: float = SLICE_SECONDS) -> None:
    """Decode cases until the time is over. A failure ends the job with the one error shape."""
    job = LabJob.objects.select_related("model").get(pk=lease.row)
    if job.status not in LabJob.ACTIVE:
        return
    work_guarded(
        "job",
        begin=lambda: _begin(lease, job),
        work=lambda: _work(lease, job, seconds),
        fail=lambda shape: _end(lease, job, Status.FAILED, shape),
    )


def _begin(lease: Lease, job: LabJob) -> int:
    with fenced(lease):
        lab.begin(job=job)
    return job.attempts


def _work(lease: Lease, job: LabJob, seconds: float) -> None:
    with renewed(lease), engine_errors():
        model = runtime.load(job.model)
        cases = cases_of(model, job)
        job.cases = job.cases or told_cases(model, cases)
    deadline = time.monotonic() + seconds
    while (ended := _ended(job)) is None:
        _one_case(lease, job, model, cases)
        late = time.monotonic() > deadline
        if late or not job.partial:
            with fenced(lease):
                lab.keep(job=job)
        if late:
            return
    _end(lease, job, ended)


def _ended(job: LabJob) -> str | None:
    if job.is_cancelled:
        return Status.CANCELLED
    return Status.DONE if len(job.results) == len(grid(job)) else None


def grid(job: LabJob) -> list[Settings]:
    """The rows of the job in their order, with the first seed."""
    return [
        Settings(recipe, steps, size or None, seed=job.seed, own=job.parameters.get(recipe, {}))
        for recipe, size, steps in job.ways
    ]


def cases_of(model: LoadedModel, job: LabJob) -> list[Case]:
    """The cases of the job's task, seed after seed; the same for every worker.

    Raises UnmaskError for a task that is unknown.
    """
    if job.task not in AIMS:
        raise UnmaskError("validation", "The task of this model is not known here.", "model")
    key = (model.key, job.task, job.count, job.seed, job.seeds)
    if key not in _CASES:
        if len(_CASES) >= KEPT:
            _CASES.clear()
        seeds = range(job.seed, job.seed + job.seeds)
        _CASES[key] = [case for seed in seeds for case in _made(model, job, seed)]
    return _CASES[key]


def _made(model: LoadedModel, job: LabJob, seed: int) -> list[Case]:
    if job.task != question_cases.NAME:
        return TASKS[job.task].cases(native_tokenizer(model), job.count, seed)
    judge = judge_for(job.owner, job.model)
    alike = judge is not None and shares_tokens(judge, job.model)
    likely = likely_by(judge) if judge is not None and alike else None
    return question_cases.question_cases(model, job.count, likely)


def told_cases(model: LoadedModel, cases: list[Case]) -> list[dict[str, Any]]:
    """The cases as sessions may begin with them; {} for one that no prompt can say."""
    return [_told_case(model, case) for case in cases]


def _told_case(model: LoadedModel, case: Case) -> dict[str, Any]:
    assert model.tokenizer is not None
    text, special = model.tokenizer.decode(case.prompt_ids), mask_of(model) in case.prompt_ids
    pieces = model.tokenizer.pieces(model.spec.vocab_size)
    for prompt in (text, "".join(pieces[token] for token in case.prompt_ids)):
        if model.tokenizer.encode_prompt(prompt, special) == list(case.prompt_ids):
            return {"prompt": prompt, "special_tokens": special, "gen_length": case.gen_length}
    return {}


def _one_case(lease: Lease, job: LabJob, model: LoadedModel, cases: list[Case]) -> None:
    """Decode the next case; with the last one of a row the row is finished."""
    settings, number = grid(job)[len(job.results)], len(job.partial)
    dice = replace(settings, seed=job.seed_of(number))
    with renewed(lease), engine_errors():
        one = judged(model, cases[number], dice, number % job.count, runtime.forward)
    job.partial.append(asdict(one))
    if len(job.partial) == job.cases_per_row:
        made = [Judged(**case) for case in job.partial]
        job.results.append(told_of(row_of(settings, made), job, made))
        job.partial = []


def told_of(row: Row, job: LabJob, made: list[Judged]) -> dict[str, Any]:
    """A row as it is kept; marks in the order of the task, the one that matters first. `each`: that
    one for every case, seed after seed."""
    aims = [aim for aim in AIMS[job.task] if aim in row.marks]
    each = {aim: [case.marks[aim] for case in made] for aim in aims}
    return {
        "recipe": row.settings.recipe,
        "block_length": row.settings.block_length or 0,
        "steps": row.settings.steps,
        "passes": row.passes,
        "tokens_per_pass": row.tokens_per_forward,
        "milliseconds": round(1000 * row.seconds / len(made), 1),
        "marks": {aim: row.marks[aim] for aim in aims},
        "intervals": {aim: _ends(each[aim], job.seeds) for aim in aims} if job.seeds > 1 else {},
        "each": each[aims[0]],
    }


def _ends(marks: list[float], seeds: int) -> list[float]:
    """The ends of the 95 % interval over seeds and cases."""
    found = interval(table_of(marks, seeds))
    return [round(found.low, 4), round(found.high, 4)]


def _end(lease: Lease, job: LabJob, status: str, error: dict[str, Any] | None = None) -> None:
    with fenced(lease):
        lab.end(job=job, status=status, error=error)

"""One slice of a calibration: examples are scored, and with the last one the temperature is fitted.

A slice stores its scores in one fenced transaction; a crash loses that much at most.
"""

from __future__ import annotations

import time
from typing import Any
from uuid import UUID

import torch
from pydantic import TypeAdapter

from core.jobs.leases import Lease, fenced
from core.jobs.renewals import renewed
from core.worker.executor import advance
from core.worker.slices import work_guarded
from inference import runtime
from inference.engine import calibration as measures
from inference.engine.checkpoint import LoadedModel
from inference.limits import SLICE_SECONDS
from visualizer.commands.schemas.decisions import GAP, Place
from visualizer.models import Calibration
from visualizer.services import calibrations
from visualizer.worker.decisions import score

Status = Calibration.Status
_PLACES: TypeAdapter[list[Place]] = TypeAdapter(list[Place])


def work(id: UUID | str, seconds: float = SLICE_SECONDS) -> None:
    """Work a calibration for a while, unless another worker is at it; then send it on again."""
    advance(Calibration, id, lambda lease: work_slice(lease, seconds))


def work_slice(lease: Lease, seconds: float = SLICE_SECONDS) -> None:
    """Score examples until the time is over. A failure ends it with the one error shape."""
    row = Calibration.objects.select_related("model").get(pk=lease.row)
    if row.status not in Calibration.ACTIVE:
        return
    work_guarded(
        "calibration",
        begin=lambda: _begin(lease, row),
        work=lambda: _work(lease, row, seconds),
        fail=lambda shape: _end(lease, row, Status.FAILED, shape),
    )


def _begin(lease: Lease, row: Calibration) -> int:
    with fenced(lease):
        calibrations.begin(row=row)
    return row.attempts


def _work(lease: Lease, row: Calibration, seconds: float) -> None:
    with renewed(lease):
        model = runtime.load(row.model)
        places = [place.texts() for place in _PLACES.validate_python(row.places)]
        ended = _score_some(row, model, places, time.monotonic() + seconds)
    if ended is None:
        with fenced(lease):
            calibrations.keep(row=row)
        return
    if ended == Status.DONE:
        row.results = results_of(row, places)
    _end(lease, row, ended)


def _score_some(
    row: Calibration, model: LoadedModel, places: list[list[str]], deadline: float
) -> str | None:
    """How it ended, or None when only the time is over."""
    while len(row.partial) < len(row.examples):
        if row.is_cancelled:
            return Status.CANCELLED
        example = row.examples[len(row.partial)]
        row.partial.append(score(model, example["text"].split(GAP), places).logprobs)
        if time.monotonic() > deadline:
            return None
    return Status.DONE


def results_of(row: Calibration, places: list[list[str]]) -> dict[str, Any]:
    """Temperature, accuracy, error before and after: each place of each example is a decision."""
    scores, labels, groups = [], [], []
    for number, (example, found) in enumerate(zip(row.examples, row.partial, strict=True)):
        for label, texts, values in zip(example["labels"], places, found, strict=True):
            scores.append(values)
            labels.append(texts.index(label))
            groups.append(number)
    return measures.calibrate(measures.table(scores), torch.tensor(labels), torch.tensor(groups))


def _end(lease: Lease, row: Calibration, status: str, error: dict[str, Any] | None = None) -> None:
    with fenced(lease):
        calibrations.end(row=row, status=status, error=error)

"""Runs between two slices, with what only memory knows of them.

A run whose recipe can be resumed by repeating steps alone goes on from here when its next slice
comes to the same process soon; whoever comes late, or elsewhere, repeats those steps and comes to
the same tokens.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field

from inference import runtime
from inference.engine.canvas import Canvas
from inference.engine.checkpoint import LoadedModel
from inference.engine.decoding.loop import StepResult

LIMIT = 4
"""Runs kept: each may hold a block's logits, hundreds of megabytes of a large vocabulary."""
SECONDS = 30.0


@dataclass(frozen=True)
class Suspended:
    """Steps still to come after step `number`, whose canvas is given."""

    number: int
    canvas: Canvas
    model: LoadedModel
    results: Iterator[StepResult]
    since: float = field(default_factory=time.monotonic)

    def fits(self, number: int, canvas: Canvas, model: LoadedModel) -> bool:
        """Whether these are the steps that come next; hands may have been at work in between."""
        return self.number == number and self.model is model and _held(self.canvas) == _held(canvas)


_runs: OrderedDict[int, Suspended] = OrderedDict()
_guard = threading.Lock()


def put(run_id: int, suspended: Suspended) -> None:
    """Keep a run for a moment; the oldest ones give way."""
    forget_old()
    with _guard:
        _runs[run_id] = suspended
        while len(_runs) > LIMIT:
            _runs.popitem(last=False)


def take(
    run_id: int, number: int, canvas: Canvas, model: LoadedModel
) -> Iterator[StepResult] | None:
    """The steps after `number` if they are here and lead on from this canvas; gone afterwards."""
    forget_old()
    with _guard:
        found = _runs.pop(run_id, None)
    return found.results if found and found.fits(number, canvas, model) else None


def drop(model: LoadedModel) -> None:
    """Let go of the runs of a model that is being unloaded."""
    with _guard:
        for run_id in [key for key, run in _runs.items() if run.model is model]:
            del _runs[run_id]


def forget(run_id: int) -> None:
    """Let go of a run that has ended."""
    with _guard:
        _runs.pop(run_id, None)


def forget_old() -> None:
    """Let go of runs whose next slice has not come here in time: they go on elsewhere or ended."""
    latest = time.monotonic() - SECONDS
    with _guard:
        for run_id in [key for key, run in _runs.items() if run.since < latest]:
            del _runs[run_id]


def _held(canvas: Canvas) -> list[tuple[int, int, bool]]:
    return [(slot.id, slot.token, slot.locked) for slot in canvas.slots]


runtime.unloading.append(drop)

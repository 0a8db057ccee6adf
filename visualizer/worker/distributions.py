"""Forward passes of a session, reduced to what is kept: the digest and its summary."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from inference import runtime
from inference.engine import digest
from inference.engine.canvas import Canvas
from inference.engine.checkpoint import LoadedModel
from inference.engine.decoding import uniform_noise
from inference.engine.digest_view import DigestView
from visualizer.models import Session
from visualizer.probability import ProbabilitySettings
from visualizer.selectors.generation import noise_seed
from visualizer.selectors.position_stats import PositionStats, summary_of
from visualizer.worker.session_model import model_of

PLAIN = ProbabilitySettings()


@dataclass(frozen=True)
class Passed:
    """A forward pass over a canvas: every position's logits, kept and summed up."""

    logits: Any
    data: bytes
    view: DigestView
    summary: dict[str, Any]


def forward(session: Session, canvas: Canvas, settings: ProbabilitySettings, number: int) -> Passed:
    """Run the session's model over all positions of the canvas after a step."""
    return forward_of(model_of(session), canvas, settings, noise_seed(session, number))


def forward_of(
    model: LoadedModel, canvas: Canvas, settings: ProbabilitySettings = PLAIN, seed: int = 0
) -> Passed:
    """Run a model over all positions of a canvas, or over those that it can look at.

    `settings` and `seed` shape the numbers of the summary; what is kept is the logits.
    """
    rows, found = _read(model, canvas)
    exclude = [canvas.mask_id, *model.spec.barred]
    # there, since a second thread's team of helpers would slow down both
    reduced = runtime.submit(lambda: digest.reduce(found.tensor, rows, exclude))
    view = DigestView(reduced.form)
    summary = summed_up(
        PositionStats(view, settings, seed), canvas, found.milliseconds, found.cached
    )
    return Passed(found.tensor, reduced.to_bytes(), view, summary)


def _read(model: LoadedModel, canvas: Canvas) -> tuple[list[int], runtime.Logits]:
    if model.spec.noise == "absorbing":
        rows = list(range(len(canvas)))
        return rows, runtime.logits(model, canvas.tokens, rows)
    started = time.perf_counter()
    rows, tensor = runtime.submit(lambda: uniform_noise.look(model, canvas))
    return rows, runtime.Logits(tensor, False, 1e3 * (time.perf_counter() - started))


def summed_up(
    numbers: PositionStats, canvas: Canvas, milliseconds: float, cached: bool
) -> dict[str, Any]:
    """The forward event without its place: how sure the model is, and what the pass cost."""
    cost = {"ms": round(milliseconds, 2), "cached": cached}
    return {**summary_of(numbers, canvas), **cost}

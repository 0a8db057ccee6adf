"""Forward passes of a session, reduced to what is kept: the digest and its summary."""

from __future__ import annotations

import base64
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from inference import runtime
from inference.engine import digest
from inference.engine.canvas import Canvas
from inference.engine.checkpoint import LoadedModel
from inference.engine.decoding import uniform_noise
from inference.engine.digest_view import DigestView
from visualizer.models import Session
from visualizer.worker.session_model import model_of


@dataclass(frozen=True)
class Passed:
    """A forward pass over a canvas: every position's logits, kept and summed up."""

    logits: Any
    data: bytes
    view: DigestView
    summary: dict[str, Any]


def forward(session: Session, canvas: Canvas) -> Passed:
    """Run the session's model over all positions of the canvas."""
    return forward_of(model_of(session), canvas)


def forward_of(model: LoadedModel, canvas: Canvas) -> Passed:
    """Run a model over all positions of a canvas, or over those that it can look at."""
    rows, found = _read(model, canvas)
    exclude = [canvas.mask_id]
    # there, since a second thread's team of helpers would slow down both
    data = runtime.submit(lambda: digest.encode(found.tensor, rows, exclude))
    view = DigestView.from_bytes(data)
    summary = summed_up(view, canvas, found.milliseconds, found.cached)
    return Passed(found.tensor, data, view, summary)


def _read(model: LoadedModel, canvas: Canvas) -> tuple[list[int], runtime.Logits]:
    if model.spec.noise == "absorbing":
        rows = list(range(len(canvas)))
        return rows, runtime.logits(model, canvas.tokens, rows)
    started = time.perf_counter()
    rows, tensor = runtime.submit(lambda: uniform_noise.look(model, canvas))
    return rows, runtime.Logits(tensor, False, 1e3 * (time.perf_counter() - started))


def summed_up(
    view: DigestView, canvas: Canvas, milliseconds: float, cached: bool
) -> dict[str, Any]:
    """The forward event without its place: how sure the model is, position by position."""
    heat = np.full(len(canvas), 255, np.uint8)
    heat[canvas.open_positions] = 0  # open places that were not read
    open_rows = [view.row_of[p] for p in canvas.open_positions if p in view.row_of]
    if open_rows:
        places = np.asarray(view.positions)[open_rows].astype(int)
        heat[places] = np.round(255 * np.clip(view.p1()[open_rows], 0, 1))
    entropy = view.entropy()[open_rows]
    return {
        "open": len(canvas.open_positions),
        "heat": base64.b64encode(heat.tobytes()).decode(),
        "entropy": round(float(entropy.mean()), 4) if len(entropy) else 0.0,
        "ms": round(milliseconds, 2),
        "cached": cached,
    }

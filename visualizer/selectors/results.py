"""ForwardPassResult and its pages."""

from __future__ import annotations

from typing import Any

import numpy as np

from inference.engine.canvas import Canvas
from inference.engine.digest_view import DigestView
from visualizer.models import Session
from visualizer.probability import ProbabilitySettings
from visualizer.selectors.candidates import candidates_of
from visualizer.selectors.generation import noise_seed, positions_of
from visualizer.selectors.labels import labels_for
from visualizer.selectors.sizes import most_positions


def window(
    canvas: Canvas, wanted: list[int] | None, settings: ProbabilitySettings, raw: int = 0
) -> tuple[int, int]:
    """[from, to) of the positions that this reply carries: those asked for, as far as they fit.

    `raw`: how many raw logits each position brings along.
    """
    fits = most_positions(settings.visual_top_k, raw)
    first, last = wanted or (0, len(canvas))
    return min(first, len(canvas)), min(last, first + fits, len(canvas))


def forward_result(
    session: Session,
    canvas: Canvas,
    view: DigestView,
    settings: ProbabilitySettings,
    number: int,
    wanted: list[int] | None = None,
    include_raw: bool = False,
) -> dict[str, Any]:
    """The `result` of forward_pass_result; `next` tells where to go on if not all fits."""
    first, last = window(canvas, wanted, settings, view.ids.shape[1] if include_raw else 0)
    labels = labels_for(session)
    candidates = candidates_of(
        view, settings, labels, settings.visual_top_k, noise_seed(session, number), (first, last)
    )
    positions = positions_of(session, canvas, labels, settings, candidates, (first, last))
    end = min(wanted[1], len(canvas)) if wanted else len(canvas)
    return {
        "positions": positions,
        "raw_logits": sparse(view, first, last) if include_raw else [],
        "tokens": canvas.tokens,
        "prompt_length": canvas.prompt_length,
        "next": last if last < end else None,
    }


def sparse(view: DigestView, first: int, last: int) -> list[dict[str, Any]]:
    """The kept logits of positions [first, last): ids, logits, and the rest as one number.

    `rest` is the log of the sum of exp(logit) over the other `rest_count` tokens, null if none.
    """
    logits = view.top_logit[:, None] - view.below
    rest = _rest(view, logits)
    return [
        {
            "position": position,
            "token_ids": view.ids[row].tolist(),
            "logits": np.round(logits[row], 4).tolist(),
            "rest_count": view.vocabulary - view.ids.shape[1],
            "rest": rest[row],
        }
        for position, row in view.row_of.items()
        if first <= position < last
    ]


def _rest(view: DigestView, logits: Any) -> list[float | None]:
    """log sum exp of what the digest does not list, from the probability that is left."""
    best = view.probabilities(1.0)
    left = np.clip(1.0 - best.sum(axis=1), 0.0, 1.0)
    with np.errstate(divide="ignore"):
        total = logits[:, 0] - np.log(best[:, 0])
        rest = np.log(left) + total
    return [round(float(value), 4) if np.isfinite(value) else None for value in rest]

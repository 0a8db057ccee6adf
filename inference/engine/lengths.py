"""How many masks a gap needs, for models whose canvas has a fixed length.

Each length is tried with one forward over the gap filled by masks, or with a whole run; the one
whose tokens are most probable on average wins, the shorter one among equals.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from inference.engine.canvas import Canvas
from inference.engine.checkpoint import LoadedModel
from inference.engine.decoding.loop import generate
from inference.engine.decoding.step_result import StepResult
from inference.engine.errors import InputError
from inference.engine.forward import ForwardMany, Request, forward_many
from inference.engine.joined_runs import run_together
from inference.engine.processing import summarise

TOGETHER = 16
"""Runs whose steps share a forward."""


@dataclass(frozen=True)
class Trial:
    """A length, the mean log-probability of its tokens in nats, and the tokens if it was run."""

    length: int
    score: float
    tokens: tuple[int, ...] | None = None


def infill_canvas(prefix: Sequence[int], length: int, suffix: Sequence[int], mask: int) -> Canvas:
    """prefix, masks, suffix: the masks are the only places that a run may write."""
    return Canvas.start([*prefix, *[mask] * length, *suffix], 0, mask)


@torch.inference_mode()
def quick_lengths(
    model: LoadedModel,
    prefix: Sequence[int],
    suffix: Sequence[int],
    lengths: Sequence[int],
    forward: ForwardMany = forward_many,
) -> list[Trial]:
    """One forward for all lengths: the mean log-probability of the best token of each mask."""
    mask = _mask_of(model, lengths)
    requests = []
    for length in lengths:
        ids = infill_canvas(prefix, length, suffix, mask).tokens
        rows = torch.arange(len(prefix), len(prefix) + length, device=model.device)
        requests.append(Request(torch.tensor(ids, device=model.device), rows))
    results = forward(model, requests)
    scores = [float(summarise(rows, [mask]).p1.log().mean()) for rows in results]
    return [Trial(length, score) for length, score in zip(lengths, scores, strict=True)]


def run_lengths(
    model: LoadedModel,
    prefix: Sequence[int],
    suffix: Sequence[int],
    lengths: Sequence[int],
    recipe: str = "llada/low_confidence",
    params: Mapping[str, Any] | None = None,
    seed: int = 0,
    forward: ForwardMany = forward_many,
) -> list[Trial]:
    """A whole run for each length: the mean log-probability of its tokens when written.

    The steps of up to `TOGETHER` runs are joined into one forward.
    """
    mask = _mask_of(model, lengths)

    def run(length: int, forward: ForwardMany) -> Trial:
        canvas = infill_canvas(prefix, length, suffix, mask)
        steps = generate(model, canvas, recipe, params or {}, seed, forward=forward)
        return _trial(canvas, steps, slice(len(prefix), len(prefix) + length))

    runs = [partial(run, length) for length in lengths]
    parts = (runs[i : i + TOGETHER] for i in range(0, len(runs), TOGETHER))
    return [trial for part in parts for trial in run_together(model, part, forward)]


def _trial(canvas: Canvas, steps: Iterable[StepResult], gap: slice) -> Trial:
    """What a run makes of the gap of its canvas; no step is kept, since its logits are large."""
    behind, length = len(canvas) - gap.stop, gap.stop - gap.start
    total, tokens = 0.0, canvas.tokens
    for step in steps:
        written = [op["p"] for op in step.operations if op["op"] == "commit"]
        total += float(torch.tensor(written, dtype=torch.float64).log().sum())
        tokens = step.canvas.tokens
    return Trial(length, total / length, tuple(tokens[gap.start : len(tokens) - behind]))


def best_trial(trials: Sequence[Trial]) -> Trial:
    """The most probable one; the shorter one among equals."""
    return max(trials, key=lambda trial: (trial.score, -trial.length))


def _mask_of(model: LoadedModel, lengths: Sequence[int]) -> int:
    if model.spec.mask_id is None:
        raise InputError("This model has no mask token, so that it cannot fill gaps.", "model")
    if not lengths or min(lengths) < 1:
        raise InputError("Lengths must be at least 1.", "lengths")
    return model.spec.mask_id

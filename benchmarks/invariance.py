"""Whether a run's tokens depend on who shares its forwards, in float32 and in bfloat16.

Runs of different lengths are worked alone and then together. In float32 the same tokens must come
out; in bfloat16 sums of another order round to other values, and near ties may fall otherwise.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import torch

from benchmarks import models
from inference.engine import checkpoint
from inference.engine.batching import Batcher
from inference.engine.canvas import Canvas
from inference.engine.checkpoint import LoadedModel
from inference.engine.decoding.loop import generate
from inference.engine.forward import ForwardMany, Request, forward_many

RUNS, TOGETHER, STEPS = 24, 4, 16
TEMPERATURES = (0.0, 0.7)


@dataclass(frozen=True, slots=True)
class Agreement:
    """Of pairs alone and in company: equal runs, equal tokens, and the logits' largest distance."""

    runs: float
    tokens: float
    logits: float


def measure() -> list[str]:
    """One line for each precision and temperature, on a GPU where there is one."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    lines = [f"shipped model on {device}: {RUNS} runs alone and {TOGETHER} at a time"]
    for dtype in ("float32", "bfloat16"):
        model = checkpoint.load(models.SHIPPED / "stories", device=device, dtype=dtype)
        for heat in TEMPERATURES:
            found = _agreement(model, heat)
            lines.append(
                f"  {dtype:<9} T = {heat}: {found.runs:.0%} of the runs and {found.tokens:.1%} of"
                f" the tokens the same; logits of one forward differ by {found.logits:.1e} at most"
            )
    return lines


def _agreement(model: LoadedModel, heat: float) -> Agreement:
    alone = [_run(model, number, heat, forward_many) for number in range(RUNS)]
    batcher = Batcher()
    try:
        with ThreadPoolExecutor(TOGETHER) as pool:
            company = list(pool.map(lambda n: _run(model, n, heat, batcher), range(RUNS)))
    finally:
        batcher.close()
    pairs = [
        (one, other)
        for mine, theirs in zip(alone, company, strict=True)
        for one, other in zip(mine, theirs, strict=True)
    ]
    equal = sum(mine == theirs for mine, theirs in zip(alone, company, strict=True))
    return Agreement(
        equal / RUNS, sum(one == other for one, other in pairs) / len(pairs), _distance(model)
    )


def _canvas(model: LoadedModel, number: int) -> Canvas:
    """Prompts and canvases of different lengths."""
    prompt = [(7 * number + place) % 50 for place in range(3 + number % 9)]
    return Canvas.start(prompt, 32 + 4 * (number % 5), model.spec.mask_id or 0)


def _run(model: LoadedModel, number: int, heat: float, forward: ForwardMany) -> list[int]:
    canvas = _canvas(model, number)
    values = {"steps": STEPS, "temperature": heat}
    for made in generate(model, canvas, "llada/low_confidence", values, number, forward=forward):
        canvas = made.canvas
    return canvas.tokens


def _distance(model: LoadedModel) -> float:
    """The largest difference between logits of a request alone and among others."""
    requests = [_request(model, number) for number in range(TOGETHER)]
    alone = [forward_many(model, [request])[0] for request in requests]
    shared = forward_many(model, requests)
    return max(float((one - other).abs().max()) for one, other in zip(alone, shared, strict=True))


def _request(model: LoadedModel, number: int) -> Request:
    canvas = _canvas(model, number)
    return Request(
        torch.tensor(canvas.tokens, device=model.device),
        torch.tensor(canvas.open_positions, device=model.device),
    )

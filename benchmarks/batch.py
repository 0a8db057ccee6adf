"""Four requests in one forward against the same four one after the other.

Runs of several users wait for the engine at the same time; whoever waits together shares a
forward. Threads submit as the worker's do.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import torch

from benchmarks import models
from benchmarks.timing import Measured, in_turn, table
from inference.engine.batching import Batcher
from inference.engine.canvas import Canvas
from inference.engine.checkpoint import LoadedModel
from inference.engine.decoding.loop import generate
from inference.engine.forward import ForwardMany, Request, forward_many

REQUESTS = 4
STEPS = 16
ROUNDS = 7


def measure() -> list[str]:
    """Lines of the report: single forwards, then whole runs through the batcher."""
    model = models.shipped()
    requests = [_request(model, n) for n in range(REQUESTS)]
    forwards = in_turn(
        {
            "one after the other": lambda: [forward_many(model, [one]) for one in requests],
            "one forward": lambda: forward_many(model, requests),
        },
        ROUNDS * 3,
    )
    matrices = in_turn(_matrices(model), ROUNDS * 3)
    batcher = Batcher()
    try:
        runs = in_turn(
            {
                "one after the other": lambda: [_run(model, n) for n in range(REQUESTS)],
                "shared": lambda: _together(model, batcher),
            },
            ROUNDS,
        )
    finally:
        batcher.close()
    shared = batcher.stats
    return [
        *table(f"{REQUESTS} forwards of 64 open places", forwards, 1, "one after the other"),
        *table(f"{REQUESTS} whole runs of {STEPS} steps", runs, STEPS, "one after the other"),
        f"  requests per forward in the shared runs: {shared.sequences / shared.forwards:.2f}",
        f"  throughput of one forward: x {_gain(forwards, 'one forward'):.2f},"
        f" of shared runs: x {_gain(runs, 'shared'):.2f}",
        f"  of its matrix products alone, {REQUESTS} times the rows at once:"
        f" x {_gain(matrices, 'at once'):.2f} (what this CPU's arithmetic lets a batch gain)",
    ]


def _matrices(model: LoadedModel) -> dict[str, Callable[[], object]]:
    """The model's linear layers on the rows of one request, four times, or on all rows at once."""
    layers = [layer for layer in model.model.modules() if isinstance(layer, torch.nn.Linear)]
    length = len(_canvas(model, 0))
    inputs = {layer.in_features for layer in layers}
    one = {size: torch.randn(length, size) for size in inputs}
    all_rows = {size: torch.randn(REQUESTS * length, size) for size in inputs}

    @torch.inference_mode()
    def apply(rows: dict[int, torch.Tensor], times: int) -> None:
        for layer in layers * times:
            layer(rows[layer.in_features])

    return {
        "one after the other": lambda: apply(one, REQUESTS),
        "at once": lambda: apply(all_rows, 1),
    }


def _gain(results: dict[str, Measured], name: str) -> float:
    return results["one after the other"].over(results[name])


def _canvas(model: LoadedModel, number: int) -> Canvas:
    return Canvas.start(list(range(4 + number)), 64, model.spec.mask_id or 0)


def _request(model: LoadedModel, number: int) -> Request:
    canvas = _canvas(model, number)
    return Request(torch.tensor(canvas.tokens), torch.tensor(canvas.open_positions))


def _run(model: LoadedModel, number: int, forward: ForwardMany = forward_many) -> int:
    values = {"steps": STEPS}
    canvas = _canvas(model, number)
    steps = generate(model, canvas, "llada/low_confidence", values, number, forward=forward)
    return sum(1 for _ in steps)


def _together(model: LoadedModel, batcher: Batcher) -> None:
    with ThreadPoolExecutor(REQUESTS) as pool:
        list(pool.map(lambda number: _run(model, number, batcher), range(REQUESTS)))

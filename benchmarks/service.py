"""What a step costs over server-sent events, in both shapes, for one client and for eight.

Streams of `/api/diffusion/generate/stream` beside the same runs in the engine alone, in turn; the
engine shares forwards among eight runs as the worker does. A step costs what lies between two of
them; what a run needs before its first one has a line of its own.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
import torch

from benchmarks import models
from benchmarks.shapes import SHAPES
from benchmarks.timing import Measured, in_turn, summary, table
from inference.engine import checkpoint
from inference.engine.batching import Batcher
from inference.engine.canvas import Canvas
from inference.engine.checkpoint import LoadedModel
from inference.engine.decoding.loop import generate
from tests.servers import Site

SLUG, PROMPT = "slow", "Once upon a time there was a"
LENGTH, ROUNDS = 48, 12
STEPS = {1: LENGTH, 8: LENGTH // 3}
"""Steps of a run by the number of clients: one token each, or, to end in time, three."""
RATIO, STEP_MS = 1.15, 50.0
ENGINE, STREAMS = "engine alone", "server-sent events"
FIELDS = {
    "model": SLUG, "max_new_tokens": LENGTH, "block_length": LENGTH,
    "recipe": "llada/low_confidence", "temperature": 0.0,
    "parameters": {"stop_at_end": False}, "history": False,
}  # fmt: skip


@dataclass(frozen=True)
class Run:
    """Seconds from a run's start to its first and to its last step; of a stream also to its first
    frame, and the bytes of its step frames."""

    step: float
    last: float
    first: float = 0.0
    bytes: int = 0


def measure() -> Iterator[str]:
    """Lines of the report, as they are measured."""
    threads = torch.get_num_threads()
    with tempfile.TemporaryDirectory(prefix="unmask-bench-models-") as folder:
        models.write_slow(Path(folder) / SLUG)
        model = checkpoint.load(Path(folder) / SLUG, dtype="float32")
        for shape, serve in SHAPES.items():
            try:
                with serve(**_settings(threads, folder)) as site:
                    yield from _shape_lines(shape, site, model)
            except pytest.skip.Exception as lacking:
                yield f"  {shape}: {lacking}"


def _settings(threads: int, models_dir: str) -> dict[str, str]:
    return {
        "MODELS_DIR": models_dir,
        "DEFAULT_MODEL": SLUG,
        "DTYPE": "float32",
        "TORCH_THREADS": str(threads),
        "WORKER_THREADS": str(max(STEPS)),
        "LOGITS_CACHE_MB": "0",
        "LOG_LEVEL": "WARNING",
        "STREAM_RATE": "100000/m",
        "HTTP_RATE": "100000/m",
    }


def _shape_lines(shape: str, site: Site, model: LoadedModel) -> Iterator[str]:
    token = site.token("bench")
    for clients, steps in STEPS.items():
        runs: dict[str, list[list[Run]]] = {ENGINE: [], STREAMS: []}
        batcher = Batcher()
        try:
            works = {
                ENGINE: partial(_run, model, batcher, steps=steps),
                STREAMS: partial(_stream, site, token, steps=steps),
            }
            contenders = {
                name: partial(_side_by_side, work, clients, runs[name])
                for name, work in works.items()
            }
            results = in_turn(contenders, ROUNDS)
        finally:
            batcher.close()
        yield from _lines(shape, steps, results, runs)


def _side_by_side(work: Callable[[int], Run], clients: int, runs: list[list[Run]]) -> None:
    """One run of each client at the same time, written down together."""
    with ThreadPoolExecutor(clients) as pool:
        runs.append(list(pool.map(work, range(clients))))


def _lines(
    shape: str, steps: int, results: dict[str, Measured], runs: dict[str, list[list[Run]]]
) -> list[str]:
    """Lines of the report; the first round of `runs` was the warm-up."""
    paces = {name: summary([_pace(one, steps) for one in runs[name][1:]]) for name in runs}
    told = [run for together in runs[STREAMS][1:] for run in together]
    firsts, begun, sizes = ([getattr(one, name) for one in told] for name in _NAMES)
    clients, base = len(runs[STREAMS][0]), paces[ENGINE]
    title = f"{shape}, {clients} client{'s' * (clients > 1)}, {LENGTH} tokens, {steps} steps"
    small = "" if base.median >= STEP_MS else f" (a step takes less than {STEP_MS:.0f} ms)"
    return [
        *table(f"{title}, from step to step", paces, 1, ENGINE),
        f"  ratio {paces[STREAMS].over(base):.2f}, budget {RATIO}{small}",
        f"  first frame after {_ms(firsts)}, first step after {_ms(begun)} (median, worst)",
        f"  whole runs with their start / engine: {results[STREAMS].over(results[ENGINE]):.2f}",
        f"  {sum(sizes) / len(sizes) / steps:.0f} bytes a step",
    ]


_NAMES = ("first", "step", "bytes")


def _pace(together: list[Run], steps: int) -> float:
    """Milliseconds from step to step, the median of runs side by side."""
    return statistics.median(1e3 * (one.last - one.step) / (steps - 1) for one in together)


def _ms(seconds: list[float]) -> str:
    ordered = sorted(seconds)
    return f"{ordered[len(ordered) // 2] * 1000:.0f} / {ordered[-1] * 1000:.0f} ms"


def _run(model: LoadedModel, batcher: Batcher, number: int, steps: int) -> Run:
    """The same decoding in the engine alone; runs that wait together share a forward."""
    assert model.tokenizer is not None
    ids = model.tokenizer.encode_prompt(_prompt(number))
    canvas = Canvas.start(ids, LENGTH, model.spec.mask_id or 0)
    values = {"steps": steps, "block_length": LENGTH, "temperature": 0.0}
    began, made = time.monotonic(), []
    for _ in generate(model, canvas, "llada/low_confidence", values, 0, forward=batcher):
        made.append(time.monotonic() - began)
    if len(made) != steps:
        raise RuntimeError(f"{len(made)} steps were made, expected {steps}")
    return Run(made[0], made[-1])


def _prompt(number: int) -> str:
    return f"{PROMPT} {'small ' * number}bird"


def _stream(site: Site, token: str, number: int, steps: int) -> Run:
    """A stream to its end."""
    body = json.dumps({**FIELDS, "steps": steps, "prompt": _prompt(number)}).encode()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    request = Request(f"{site.url}/api/diffusion/generate/stream", body, headers)
    began, first, size = time.monotonic(), 0.0, 0
    made: list[float] = []
    with urlopen(request, timeout=300) as answer:
        for line in answer:
            if not line.startswith(b"data: "):
                continue
            moment = time.monotonic() - began
            first = first or moment
            frame = json.loads(line.removeprefix(b"data: "))
            if frame["type"] == "error":
                raise RuntimeError(frame["message"])
            if frame["type"] == "step" and frame["ops"]:
                made.append(moment)
                size += len(line)
    if len(made) != steps:
        raise RuntimeError(f"{len(made)} steps arrived, expected {steps}")
    return Run(made[0], made[-1], first, size)

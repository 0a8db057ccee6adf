"""What a step costs over server-sent events, in both shapes, for one client and for eight.

Streams of `/api/diffusion/generate/stream` beside the same runs in the engine alone, in turn; the
engine shares forwards among eight runs as the worker does.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
import torch

from benchmarks import models
from benchmarks.shapes import SHAPES
from benchmarks.timing import Measured, in_turn, table
from inference.engine import checkpoint
from inference.engine.batching import Batcher
from inference.engine.canvas import Canvas
from inference.engine.checkpoint import LoadedModel
from inference.engine.decoding.loop import generate
from tests.servers import Site

SLUG, PROMPT = "slow", "Once upon a time there was a"
LENGTH, STEPS, CLIENTS, ROUNDS = 48, 12, 8, 3
RATIO, STEP_MS = 1.15, 50.0
FIELDS = {
    "model": SLUG, "max_new_tokens": LENGTH, "block_length": LENGTH, "steps": STEPS,
    "recipe": "llada/low_confidence", "temperature": 0.0,
    "parameters": {"stop_at_end": False}, "history": False,
}  # fmt: skip


@dataclass(frozen=True)
class Told:
    """A stream: seconds to its first frame, first and last step, bytes of its step frames."""

    first: float
    step: float
    last: float
    bytes: int


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
        "WORKER_THREADS": str(CLIENTS),
        "LOGITS_CACHE_MB": "0",
        "LOG_LEVEL": "WARNING",
        "STREAM_RATE": "100000/m",
        "HTTP_RATE": "100000/m",
    }


def _shape_lines(shape: str, site: Site, model: LoadedModel) -> Iterator[str]:
    token = site.token("bench")
    for clients in (1, CLIENTS):
        told: list[Told] = []
        batcher = Batcher()
        try:
            results = in_turn(_contenders(site, token, model, batcher, clients, told), ROUNDS)
        finally:
            batcher.close()
        yield from _lines(shape, clients, results, told)


def _contenders(
    site: Site,
    token: str,
    model: LoadedModel,
    batcher: Batcher,
    clients: int,
    told: list[Told],
) -> dict[str, Callable[[], object]]:
    def side_by_side(work: Callable[[int], object]) -> list[object]:
        with ThreadPoolExecutor(clients) as pool:
            return list(pool.map(work, range(clients)))

    return {
        "engine alone": lambda: side_by_side(lambda n: _run(model, batcher, n)),
        "server-sent events": lambda: told.extend(
            side_by_side(lambda n: _stream(site, token, n))  # type: ignore[arg-type]
        ),
    }


def _lines(shape: str, clients: int, results: dict[str, Measured], told: list[Told]) -> list[str]:
    step = results["engine alone"].median / STEPS
    ratio = results["server-sent events"].over(results["engine alone"])
    told = told[clients:]  # those of the warm-up round
    firsts, steps, sizes = ([getattr(one, name) for one in told] for name in _NAMES)
    between = statistics.median(1e3 * (one.last - one.step) / (STEPS - 1) for one in told)
    title = f"{shape}, {clients} client{'s' if clients > 1 else ''}, {LENGTH} tokens, {STEPS} steps"
    small = "" if step >= STEP_MS else f" (a step takes less than {STEP_MS:.0f} ms)"
    return [
        *table(title, results, STEPS, "engine alone"),
        f"  ratio {ratio:.2f}, budget {RATIO}{small}",
        f"  from step to step {between:.1f} ms, x {between / step:.2f}",
        f"  first frame after {_ms(firsts)}, first step after {_ms(steps)} (median, worst)",
        f"  {sum(sizes) / len(sizes) / STEPS:.0f} bytes a step",
    ]


_NAMES = ("first", "step", "bytes")


def _ms(seconds: list[float]) -> str:
    ordered = sorted(seconds)
    return f"{ordered[len(ordered) // 2] * 1000:.0f} / {ordered[-1] * 1000:.0f} ms"


def _run(model: LoadedModel, batcher: Batcher, number: int) -> None:
    """The same decoding in the engine alone; runs that wait together share a forward."""
    assert model.tokenizer is not None
    ids = model.tokenizer.encode_prompt(_prompt(number))
    canvas = Canvas.start(ids, LENGTH, model.spec.mask_id or 0)
    values = {"steps": STEPS, "block_length": LENGTH, "temperature": 0.0}
    made = list(generate(model, canvas, "llada/low_confidence", values, 0, forward=batcher))
    if len(made) != STEPS:
        raise RuntimeError(f"{len(made)} steps were made, expected {STEPS}")


def _prompt(number: int) -> str:
    return f"{PROMPT} {'small ' * number}bird"


def _stream(site: Site, token: str, number: int) -> Told:
    """A stream to its end."""
    body = json.dumps({**FIELDS, "prompt": _prompt(number)}).encode()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    request = Request(f"{site.url}/api/diffusion/generate/stream", body, headers)
    began, first, step, last, size, steps = time.monotonic(), 0.0, 0.0, 0.0, 0, 0
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
                step, last, steps, size = step or moment, moment, steps + 1, size + len(line)
    if steps != STEPS:
        raise RuntimeError(f"{steps} steps arrived, expected {STEPS}")
    return Told(first, step, last, size)

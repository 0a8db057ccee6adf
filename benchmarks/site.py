"""What a step costs on its way through worker, database, channel layer and socket.

A run of the shipped model is followed over a socket, beside the same run in the bare engine and a
bare loop, in turn.
"""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import torch

from benchmarks import models
from benchmarks.engine import STEPS, bare_loop
from benchmarks.served import Client, serving
from benchmarks.timing import Measured, in_turn, milliseconds, summary, table
from inference.engine import digest
from inference.engine.canvas import Canvas
from inference.engine.checkpoint import LoadedModel
from inference.engine.decoding.loop import generate
from inference.engine.forward import logits

PROMPT = "Tell a story about Ben."
ROUNDS = 5
FORWARDS, PLACES, SHOWN = 16, 128, 20
RATIO = 1.2
LARGE = "large"


def measure() -> list[str]:
    """Lines of the report: a step of a run, and forward passes that a program asked for."""
    threads = torch.get_num_threads()
    with tempfile.TemporaryDirectory(prefix="unmask-bench-models-") as folder:
        models.write_large_vocabulary(Path(folder) / LARGE)
        with serving(threads, MODELS_DIR=folder) as server:
            client = Client(server.address)
            lines = _run_lines(client)
            for title, slug, model in (
                ("shipped model", "stories", models.shipped()),
                (f"vocabulary {models.LLADA_VOCABULARY}", LARGE, models.large_vocabulary()),
            ):
                lines += _pass_lines(client, title, slug, model)
            client.close()
    return lines


def _run_lines(client: Client) -> list[str]:
    started = client.ask("initialize", "state_update", prompt=PROMPT, gen_length=64)
    canvas = _canvas(started, models.shipped())
    return table(f"a step of a run, {STEPS} steps", _steps(client, canvas), STEPS, "bare loop")


def _pass_lines(client: Client, title: str, slug: str, model: LoadedModel) -> list[str]:
    client.ask("load_model", "model_load_result", model_path=slug)
    results = _passes(client, slug, model)
    engine, whole = results["the engine"], results["the whole answer"]
    return [
        *table(f"forward_pass, {title}, {PLACES} x {SHOWN}", results, 1, "the engine"),
        f"  besides the engine: {whole.median - engine.median:.1f} ms"
        f" ({whole.low - engine.low:.1f} at best); ratio {whole.median / engine.median:.2f}"
        f" ({whole.low / engine.low:.2f} at best), budget {RATIO}",
    ]


def _canvas(started: dict[str, Any], model: LoadedModel) -> Canvas:
    ids, given = started["state"]["token_ids"], started["state"]["prompt_length"]
    return Canvas.start(ids[:given], len(ids) - given, model.spec.mask_id or 0)


def _steps(client: Client, canvas: Canvas) -> dict[str, Measured]:
    model = models.shipped()
    recipe, values = "llada/low_confidence", {"steps": STEPS}
    return in_turn(
        {
            "bare loop": lambda: bare_loop(model, canvas),
            "engine": lambda: list(generate(model, canvas, recipe, values, seed=0)),
            "the whole site": lambda: _followed_run(client, recipe),
        },
        ROUNDS,
    )


def _followed_run(client: Client, recipe: str) -> None:
    """A fresh session, run and followed to its end; every step arrives as an event."""
    client.ask("initialize", "state_update", prompt=PROMPT, gen_length=64)
    client.run_to_its_end(STEPS, recipe=recipe, parameters={"steps": STEPS})


def _passes(client: Client, slug: str, model: LoadedModel) -> dict[str, Measured]:
    """Round trips of forward_pass on fresh states, beside the engine's own part of them."""
    samples: dict[str, list[float]] = {"the engine": [], "the whole answer": []}
    for number in range(FORWARDS):
        prompt = f"{PROMPT} {number}"
        started = client.ask(
            "initialize", "state_update", model=slug, prompt=prompt, gen_length=PLACES
        )
        canvas = _canvas(started, model)
        samples["the engine"].append(milliseconds(partial(_engine, model, canvas)))
        ask = partial(client.ask, "forward_pass", "forward_pass_result", visual_top_k=SHOWN)
        samples["the whole answer"].append(milliseconds(ask))
    return {name: summary(values[1:]) for name, values in samples.items()}


def _engine(model: LoadedModel, canvas: Canvas) -> None:
    """The forward and what is kept of it; the shown candidates are read from that."""
    rows = list(range(len(canvas)))
    digest.encode(logits(model, canvas.tokens, rows), rows, [canvas.mask_id])

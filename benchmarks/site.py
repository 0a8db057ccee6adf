"""What a step costs on its way through worker, database, channel layer and socket.

A run of the shipped model is followed over a socket, beside the same run in the bare engine and a
bare loop, in turn.
"""

from __future__ import annotations

from itertools import count

import torch

from benchmarks import models
from benchmarks.engine import STEPS, bare_loop
from benchmarks.served import Client, serving
from benchmarks.timing import Measured, in_turn, milliseconds, summary, table
from inference.engine import digest
from inference.engine.canvas import Canvas
from inference.engine.decoding.loop import generate
from inference.engine.forward import logits
from inference.engine.processing import Settings, candidates

PROMPT = "Tell a story about Ben."
ROUNDS = 5
FORWARDS = 20


def measure() -> list[str]:
    """Lines of the report: a step of a run, and a forward pass that a program asked for."""
    threads = torch.get_num_threads()
    with serving(threads) as server:
        client = Client(server.address)
        started = client.ask("initialize", "state_update", prompt=PROMPT, gen_length=64)
        canvas = _canvas(started["state"]["token_ids"], started["state"]["prompt_length"])
        lines = table(f"a step of a run, {STEPS} steps", _steps(client, canvas), STEPS, "bare loop")
        lines += table(
            "forward_pass, 64 places x 20 candidates", _passes(client, canvas), 1, "the engine"
        )
        client.close()
    return lines


def _canvas(ids: list[int], prompt_length: int) -> Canvas:
    mask = models.shipped().spec.mask_id or 0
    return Canvas.start(ids[:prompt_length], len(ids) - prompt_length, mask)


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
    client.ask("resume", "resumed", after=0)
    client.ask("run", "run_changed", recipe=recipe, parameters={"steps": STEPS})
    steps = 0
    while True:
        event = client.receive("event")
        steps += event["event"] == "step"
        if event["event"] == "run" and event["payload"]["status"] == "done":
            break
    if steps != STEPS:
        raise RuntimeError(f"{steps} steps arrived, expected {STEPS}")


def _passes(client: Client, canvas: Canvas) -> dict[str, Measured]:
    """Round trips of forward_pass on fresh states, beside the engine's own part of them."""
    model = models.shipped()
    rows = list(range(len(canvas)))
    mask = [canvas.mask_id]

    def fresh() -> None:
        prompt = f"{PROMPT} {next(numbers)}"
        client.ask("initialize", "state_update", prompt=prompt, gen_length=64)

    def engine() -> None:
        found = logits(model, canvas.tokens, rows)
        digest.encode(found, rows, mask)
        candidates(found, Settings(), 20, mask)

    numbers = count()
    samples: dict[str, list[float]] = {"the engine": [], "the whole answer": []}
    for _ in range(FORWARDS):
        fresh()
        samples["the engine"].append(milliseconds(engine))
        samples["the whole answer"].append(
            milliseconds(lambda: client.ask("forward_pass", "forward_pass_result"))
        )
    return {name: summary(values[1:]) for name, values in samples.items()}

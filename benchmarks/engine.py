"""The engine beside what it cannot do without, and beside the official arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import torch

from benchmarks import models
from benchmarks.official import official_arithmetic
from benchmarks.timing import Measured, in_turn, table
from inference.engine import digest
from inference.engine.canvas import Canvas
from inference.engine.checkpoint import LoadedModel
from inference.engine.decoding.loop import generate
from inference.engine.decoding.step_result import StepResult
from inference.engine.threads import using_threads

STEPS = 16
BODY = "random body of 135 M, vocabulary {v}"
FAST = {
    "threshold 0.9, no cache": "fastdllm/threshold",
    "threshold 0.9, dual cache": "fastdllm/dual",
}


def shipped(rounds: int = 25) -> list[str]:
    """The shipped model: 64 open places after a short prompt, 16 steps of 4; a larger body."""
    lines = _compare("shipped model, vocabulary {v}", models.shipped(), rounds)
    body = models.body_of_135m(vocabulary=models.SMALL_VOCABULARY)
    return lines + _steps(BODY, body, 3)


def large(rounds: int = 3) -> list[str]:
    """Random models with the vocabulary of LLaDA: a small one, and a body of 135 M."""
    lines = _compare("random model, vocabulary {v}", models.large_vocabulary(), rounds)
    return lines + _steps(BODY, models.body_of_135m(), rounds)


def _compare(title: str, model: LoadedModel, rounds: int) -> list[str]:
    """One torch thread on a CPU: what the engine adds must not hide behind a second core."""
    canvas = _canvas(model)
    with using_threads(1):
        results = in_turn(contenders(model, canvas), rounds)
        fast = in_turn(_per_forward(model, canvas), rounds)
    official = results["official arithmetic, T = 1"]
    return [
        *table(title.format(v=model.spec.vocab_size), results, STEPS, "bare forward"),
        *_fast_lines(model, canvas, fast, results["bare forward"].median / STEPS),
        _step_line(results),
        f"  engine step / official step, T = 1: {results['engine, T = 1'].over(official):.2f}",
    ]


def _steps(title: str, model: LoadedModel, rounds: int) -> list[str]:
    """The engine beside the forwards it needs alone, where all the others would take minutes."""
    with using_threads(1):
        results = in_turn(steps_alone(model, _canvas(model)), rounds)
    lines = table(title.format(v=model.spec.vocab_size), results, STEPS, "bare forward")
    return [*lines, _step_line(results)]


def _canvas(model: LoadedModel) -> Canvas:
    return Canvas.start(list(range(8)), 64, model.spec.mask_id or 0)


def _step_line(results: Mapping[str, Measured]) -> str:
    cold = results["engine"].over(results["bare forward"])
    warm = results["engine, T = 1"].over(results["engine's own forward, T = 1"])
    return f"  engine step / the forward it needs, T = 0: {cold:.2f}; T = 1: {warm:.2f}"


def _fast_lines(
    model: LoadedModel, canvas: Canvas, results: Mapping[str, Measured], bare: float
) -> list[str]:
    """Threshold decoding makes as many forwards as it needs: ms for each of them."""
    lines = []
    for name, measured in results.items():
        made = _drained(_fast(model, canvas, FAST[name]))
        each = measured.median / made
        lines.append(f"  {name:<34} {each:9.2f} a forward, {made} forwards  x {each / bare:.2f}")
    return lines


def _per_forward(model: LoadedModel, canvas: Canvas) -> dict[str, Callable[[], object]]:
    return {
        name: partial(lambda recipe: _drained(_fast(model, canvas, recipe)), recipe)
        for name, recipe in FAST.items()
    }


def contenders(model: LoadedModel, canvas: Canvas) -> dict[str, Callable[[], object]]:
    """What is timed: each denoises the same 64 places in the same number of steps."""
    return {
        **steps_alone(model, canvas),
        "bare loop": lambda: bare_loop(model, canvas),
        "engine with digests": lambda: _digested(model, canvas),
        "digests written beside it": lambda: _written_beside(model, canvas),
        "official arithmetic, T = 0": lambda: official_arithmetic(model, canvas, STEPS, 0.0),
        "official arithmetic, T = 1": lambda: official_arithmetic(model, canvas, STEPS, 1.0),
    }


def steps_alone(model: LoadedModel, canvas: Canvas) -> dict[str, Callable[[], object]]:
    """The engine, and the forwards that its steps need."""
    plan, warm = states_of(model, canvas, 0.0), states_of(model, canvas, 1.0)
    return {
        "bare forward": lambda: bare_forwards(model, plan),
        "engine": lambda: _drained(_run(model, canvas, {"temperature": 0.0})),
        "engine's own forward, T = 1": lambda: bare_forwards(model, warm),
        "engine, T = 1": lambda: _drained(_run(model, canvas, {"temperature": 1.0})),
    }


def _run(model: LoadedModel, canvas: Canvas, extra: dict[str, Any]) -> Iterator[StepResult]:
    return generate(model, canvas, "llada/low_confidence", {"steps": STEPS, **extra}, seed=0)


def _fast(model: LoadedModel, canvas: Canvas, recipe: str) -> Iterator[StepResult]:
    return generate(model, canvas, recipe, {"block_length": 32, "threshold": 0.9}, seed=0)


def states_of(
    model: LoadedModel, canvas: Canvas, heat: float, steps: int = STEPS
) -> list[tuple[list[int], list[int]]]:
    """Tokens and open places before each forward of a run: what a bare forward needs to know."""
    states, now = [], canvas
    for result in _run(model, canvas, {"temperature": heat, "steps": steps}):
        states.append((now.tokens, now.open_positions))
        now = result.canvas
    return states


@torch.inference_mode()
def bare_forwards(model: LoadedModel, states: list[tuple[list[int], list[int]]]) -> None:
    """The native model alone, asked for the same rows as the engine asks for."""
    for tokens, rows in states:
        ids = torch.tensor([tokens], device=model.device)
        model.model(input_ids=ids, logits_to_keep=torch.tensor(rows, device=model.device))
    _synchronise(model)


@torch.inference_mode()
def bare_loop(model: LoadedModel, canvas: Canvas) -> None:
    """The least that a denoising loop can do: forward, softmax, best places, write."""
    ids = torch.tensor([canvas.tokens], device=model.device)
    for _ in range(STEPS):
        rows = (ids[0] == canvas.mask_id).nonzero()[:, 0]
        logits = model.model(input_ids=ids, logits_to_keep=rows).logits[0]
        best, tokens = logits.softmax(-1).max(-1)
        take = best.topk(len(canvas.open_positions) // STEPS).indices
        ids[0, rows[take]] = tokens[take]
    _synchronise(model)


def _digested(model: LoadedModel, canvas: Canvas) -> None:
    for result in _run(model, canvas, {"temperature": 0.0}):
        digest.encode(result.logits, result.positions, [canvas.mask_id])


def _written_beside(model: LoadedModel, canvas: Canvas) -> None:
    """As runs do it: reduced in the run's thread, written in another beside the next forward."""
    with ThreadPoolExecutor(1) as writer:
        for result in _run(model, canvas, {"temperature": 0.0}):
            reduced = digest.reduce(result.logits, result.positions, [canvas.mask_id])
            writer.submit(reduced.to_bytes)


def _drained(steps: Iterator[StepResult]) -> int:
    return sum(1 for _ in steps)


def _synchronise(model: LoadedModel) -> None:
    if model.device.type == "cuda":
        torch.cuda.synchronize()

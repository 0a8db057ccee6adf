"""The digest: bytes a position, time beside the forward it belongs to, error of what it shows."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import torch
from torch import Tensor

from benchmarks import models
from benchmarks.timing import Measured, in_turn, table
from inference.engine import digest
from inference.engine.canvas import Canvas
from inference.engine.checkpoint import LoadedModel
from inference.engine.decoding.loop import generate
from inference.engine.digest_view import DigestView
from inference.engine.forward import logits
from inference.engine.processing import Settings, candidates
from inference.engine.reduce import entropies

PLACES, STEP_PLACES, JUDGED = 128, 64, 8
TEMPERATURES = (0.1, 0.15, 0.3, 0.5, 0.8, 1.0, 1.3, 2.0, 3.7, 6.0, 10.0)


def measure() -> list[str]:
    """Lines of the report for the shipped models and for LLaDA's vocabulary."""
    lines: list[str] = []
    for name in models.DIFFUSION:
        lines += _report(f"shipped model {name}", models.shipped(name), 25)
    lines += _report("random body of 135 M parameters", models.body_of_135m(), 3)
    return lines


def _report(title: str, model: LoadedModel, rounds: int) -> list[str]:
    length = min(PLACES, model.context - 4)
    canvas = Canvas.start(list(range(4)), length, model.spec.mask_id or 0)
    rows = canvas.open_positions
    found = logits(model, canvas.tokens, rows)
    excluded = digest.excluded_ids(model.spec)
    data = digest.encode(found, rows, excluded)
    results = _timed(model, canvas, excluded, rounds)
    worst, nats = map(max, zip(*_errors(found[:JUDGED], excluded), strict=True))
    forward = results["forward"]
    own, rest = results["on the engine's thread"], results["beside the next forward"]
    return [
        *table(f"{title}, {length} x {model.spec.vocab_size}", results, 1, "forward"),
        f"  digest / forward: {_share(own, forward)} on the engine's thread,"
        f" {_share(rest, forward)} by whoever writes it, beside the next forward",
        f"  bytes a position: {len(data) / length:.0f}; largest error of a shown probability:"
        f" {worst:.1e}, of an entropy: {nats:.1e} nats",
        *_steps(model),
    ]


def _share(part: Measured, whole: Measured) -> str:
    return f"{100 * part.over(whole):.1f} %"


def _timed(
    model: LoadedModel, canvas: Canvas, excluded: list[int], rounds: int
) -> dict[str, Measured]:
    rows = canvas.open_positions
    last = [logits(model, canvas.tokens, rows)]
    reduced = [digest.reduce(last[0], rows, excluded)]
    stored = reduced[0].to_bytes()

    def forward() -> None:
        last[0] = logits(model, canvas.tokens, rows)

    def reduce() -> None:  # of logits that have just been computed
        reduced[0] = digest.reduce(last[0], rows, excluded)

    parts = {
        "forward": forward,
        "on the engine's thread": reduce,
        "beside the next forward": lambda: reduced[0].to_bytes(),
        "reading": lambda: DigestView.from_bytes(stored).entropy(0.7),
    }
    return in_turn(parts, rounds)


def _steps(model: LoadedModel) -> list[str]:
    """What the steps of a run leave, and a forward pass by hand over prompt and places."""
    length = min(STEP_PLACES, model.context - 8)
    canvas = Canvas.start(list(range(8)), length, model.spec.mask_id or 0)
    excluded = digest.excluded_ids(model.spec)
    run = generate(model, canvas, "llada/low_confidence", {"steps": 8}, seed=0)
    sizes = [len(digest.encode(one.logits, one.positions, excluded)) for one in run]
    every = list(range(len(canvas)))
    whole = len(digest.encode(logits(model, canvas.tokens, every), every, excluded))
    return [
        f"  kB a step at {length} places: {sizes[0] / 1e3:.1f} at first,"
        f" {sum(sizes) / len(sizes) / 1e3:.1f} on average over a run of {len(sizes)} steps,"
        f" {whole / 1e3:.1f} by hand (with the prompt)"
    ]


def _synthetic(like: Tensor) -> Iterator[Tensor]:
    """Flat, peaked, heavy-tailed and two-level logits of the same shape."""
    generator = torch.Generator().manual_seed(0)
    normal = torch.randn(like.shape, generator=generator)
    yield normal
    yield normal * 8
    yield -torch.rand(like.shape, generator=generator).clamp_min(1e-6).log() * 3
    yield 12.0 * (torch.arange(like.shape[1]) < 140).expand(like.shape)


def _errors(found: Tensor, excluded: list[int]) -> Iterator[tuple[float, float]]:
    """The largest differences to the full computation, for these and for synthetic logits, at each
    temperature: of a probability, and of an entropy in nats."""
    tables = [found, *_synthetic(found)]
    views = [DigestView.from_bytes(digest.encode(t, range(len(t)), excluded)) for t in tables]
    for (found, view), heat in product(zip(tables, views, strict=True), TEMPERATURES):
        shown = view.probabilities(heat)[:, :100]
        told = Settings(softmax_temperature=heat)
        whole = candidates(found, told, shown.shape[1], excluded).probs
        nats = torch.from_numpy(view.entropy(heat)) - entropies(found / heat)
        off = torch.from_numpy(shown) - whole.double()
        yield float(off.abs().max()), float(nats.abs().max())

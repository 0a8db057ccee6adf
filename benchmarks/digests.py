"""The digest: bytes a position, time beside the forward it belongs to, error of what it shows."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import torch
from torch import Tensor

from benchmarks import models
from benchmarks.timing import in_turn, table
from inference.engine import digest
from inference.engine.canvas import Canvas
from inference.engine.checkpoint import LoadedModel
from inference.engine.digest_view import DigestView
from inference.engine.forward import logits
from inference.engine.processing import Settings, candidates

PLACES = 128
TEMPERATURES = (0.1, 0.15, 0.3, 0.5, 0.8, 1.0, 1.3, 2.0, 3.7, 6.0, 10.0)


def measure() -> list[str]:
    """Lines of the report for the shipped models and for LLaDA's vocabulary."""
    lines: list[str] = []
    for name in sorted(path.name for path in models.SHIPPED.iterdir() if path.is_dir()):
        lines += _report(f"shipped model {name}", models.shipped(name), 45)
    lines += _report("random model", models.large_vocabulary(), 5)
    return lines


def _report(title: str, model: LoadedModel, rounds: int) -> list[str]:
    length = min(PLACES, model.context - 4)
    canvas = Canvas.start(list(range(4)), length, model.spec.mask_id or 0)
    rows = canvas.open_positions
    found = logits(model, canvas.tokens, rows)
    data = digest.encode(found, rows, [canvas.mask_id])
    packed = digest.encode(found, rows, [canvas.mask_id], compress=True)
    last = [found]  # a digest is made of logits that have just been computed

    def forward() -> None:
        last[0] = logits(model, canvas.tokens, rows)

    results = in_turn(
        {"forward": forward, "digest": lambda: digest.encode(last[0], rows, [canvas.mask_id])},
        rounds,
    )
    worst = max(_errors([found, *_synthetic(found)], canvas.mask_id))
    return [
        *table(f"{title}, {length} x {model.spec.vocab_size}", results, 1, "forward"),
        f"  digest / forward: {100 * results['digest'].over(results['forward']):.1f} %",
        f"  bytes a position: {len(data) / length:.0f} ({len(packed) / length:.0f} compressed);"
        f" largest error of a shown probability: {worst:.1e}",
    ]


def _synthetic(like: Tensor) -> Iterator[Tensor]:
    """Flat, peaked and heavy-tailed logits of the same shape."""
    generator = torch.Generator().manual_seed(0)
    normal = torch.randn(like.shape, generator=generator)
    yield normal
    yield normal * 8
    yield -torch.rand(like.shape, generator=generator).clamp_min(1e-6).log() * 3


def _errors(tables: list[Tensor], mask_id: int) -> Iterator[float]:
    """The largest difference to the full computation, for each table and each setting."""
    views = [DigestView.from_bytes(digest.encode(t, range(len(t)), [mask_id])) for t in tables]
    for (found, view), heat in product(zip(tables, views, strict=True), TEMPERATURES):
        settings = Settings(softmax_temperature=heat)
        shown = view.probabilities(heat)[:, :100]
        whole = candidates(found, settings, shown.shape[1], [mask_id]).probs
        yield float((torch.from_numpy(shown) - whole.double()).abs().max())

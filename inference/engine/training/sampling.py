"""A plain denoising loop for measuring models while they are made.

Positions are taken by confidence, at random, or from the left; blocks are finished one after
the other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

Score = Callable[[Tensor, Tensor, torch.Generator], Tensor]


@dataclass(frozen=True)
class Decoding:
    """How to denoise: order of the positions, tokens per pass, block length (None = one block),
    temperature, and whether end-of-text waits until nothing else is left."""

    order: str = "low_confidence"
    per_pass: int = 1
    block: int | None = None
    temperature: float = 0.0
    end_last: bool = False
    threshold: float | None = None
    seed: int = 0


def _confidence(probabilities: Tensor, drawn: Tensor, _: torch.Generator) -> Tensor:
    return probabilities.gather(-1, drawn[..., None]).squeeze(-1)


def _random(probabilities: Tensor, drawn: Tensor, generator: torch.Generator) -> Tensor:
    return torch.rand(drawn.shape, generator=generator)


def _left(probabilities: Tensor, drawn: Tensor, _: torch.Generator) -> Tensor:
    return -torch.arange(drawn.shape[1]).float().expand(drawn.shape)


ORDERS: dict[str, Score] = {"low_confidence": _confidence, "random": _random, "left": _left}


@torch.no_grad()
def denoise(
    logits_of: Callable[[Tensor], Tensor],
    canvas: Tensor,
    mask_id: int,
    end_id: int,
    banned: tuple[int, ...],
    how: Decoding,
) -> tuple[Tensor, int]:
    """Fill the masks of canvas [B, L]; returns the filled canvas and the passes per row."""
    canvas = canvas.clone()
    generator = torch.Generator().manual_seed(how.seed)
    passes = 0
    while (canvas == mask_id).any():
        logits = logits_of(canvas).float().clone()
        logits[..., [mask_id, *banned]] = -torch.inf
        passes += 1
        drawn = _draw(logits, how.temperature, generator)
        scores = ORDERS[how.order](logits.softmax(-1), drawn, generator)
        if how.end_last:
            scores = torch.where(drawn == end_id, scores - 2, scores)
        chosen = _choose(scores, _open_block(canvas == mask_id, how.block), how)
        canvas = torch.where(chosen, drawn, canvas)
    return canvas, passes


def _draw(logits: Tensor, temperature: float, generator: torch.Generator) -> Tensor:
    if temperature == 0:
        return logits.argmax(-1)
    uniform = torch.rand(logits.shape, generator=generator).clamp_min(1e-9)
    return (logits / temperature - torch.log(-torch.log(uniform))).argmax(-1)


def _open_block(masked: Tensor, block: int | None) -> Tensor:
    if block is None:
        return masked
    before = masked.cumsum(1) - masked.long()
    first = ((before == 0) & masked).long().argmax(1, keepdim=True)
    positions = torch.arange(masked.shape[1])[None]
    return masked & (positions < first - first % block + block)


def _choose(scores: Tensor, allowed: Tensor, how: Decoding) -> Tensor:
    scores = scores.masked_fill(~allowed, -torch.inf)
    best = scores.topk(min(how.per_pass, scores.shape[1]), dim=-1).indices
    chosen = torch.zeros_like(allowed).scatter_(1, best, True)
    if how.threshold is not None:
        chosen |= scores >= how.threshold
    return chosen & allowed

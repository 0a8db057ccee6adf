"""PC-Sampler: confidence weighed by position and by how common a token is anyway.

Source: arXiv 2508.13021; NEUIR/PC-Sampler, src/generate.py. The published code brings a table of
token frequencies of a corpus; here, for any vocabulary, the frequency of a token is the mean
probability that the model gives it on a canvas of nothing but masks.
"""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import Tensor

from inference.engine.decoding.recipe import Recipe
from inference.engine.decoding.sources import Reader, Reading, plain, with_settled
from inference.engine.decoding.view import Block, Drawn, RunState, View

FLOOR = 1e-9


def background_of(reader: Reader, state: RunState) -> Tensor:
    """The mean distribution [V] over the places of a canvas of masks, as long as this one."""
    length = len(state.canvas)
    if reader.background is None or reader.background[0] != length:
        rows = reader.look([[state.canvas.mask_id] * length], range(length))[0]
        reader.background = (length, rows.float().softmax(-1).mean(0))
    return reader.background[1]


def with_background(reader: Reader, state: RunState, block: Block) -> Reading:
    """All open positions, and what the model says where it knows nothing."""
    reading = plain(reader, state, block)
    return replace(reading, background=background_of(reader, state))


def block_with_background(reader: Reader, state: RunState, block: Block) -> Reading:
    """The same with the written places of the block."""
    reading = with_settled(reader, state, block)
    return replace(reading, background=background_of(reader, state))


def content(view: View, tokens: Tensor, probs: Tensor) -> Tensor:
    """min(alpha, -p ln f) [n]: confidence, less for tokens that are common anyway."""
    if view.background is None:
        raise ValueError("this score needs the background of tokens")
    rarity = -(view.background[tokens].to(probs) + FLOOR).log()
    return (probs * rarity).clamp_max(view.params.pc_alpha)


def calibrated(view: View, drawn: Drawn) -> Tensor:
    """exp(-lambda i) min(alpha, -p ln f), i = place inside the block, p of the drawn token."""
    score = content(view, drawn.tokens, drawn.probs)
    inside = (view.positions - view.block.span[0]).to(score)
    return score * (-view.params.pc_lambda * inside).exp()


def linear_position(view: View, drawn: Drawn) -> Tensor:
    """(1 - lambda) n + lambda (B - i) / B; n = the clamped part scaled to 0..1 over the block.

    Written places of the block count for the scale: as common as the token that stands there is,
    as probable as the likeliest one, as published.
    """
    score = content(view, drawn.tokens, drawn.probs)
    low, high = _extremes(view, score)
    start, end = view.block.span
    inside = (view.positions - start).to(score)
    scaled = (score - low) / max(high - low, FLOOR)
    weight = view.params.pc_lambda
    return (1 - weight) * scaled + weight * (end - start - inside) / (end - start)


def _extremes(view: View, score: Tensor) -> tuple[float, float]:
    parts = [score]
    if view.settled is not None and view.shadow is not None and len(view.settled):
        held = torch.tensor([view.canvas.tokens[i] for i in view.settled.tolist()])
        parts.append(content(view, held.to(view.device), view.shadow.p1))
    joined = torch.cat(parts)
    low, high = float(joined.min()), float(joined.max())
    return (low, high) if math.isfinite(low) else (0.0, 1.0)


PC_SAMPLER = Recipe(score=calibrated, source=with_background)
PC_LINEAR = Recipe(score=linear_position, source=block_with_background)

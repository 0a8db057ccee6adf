"""Info-Gain: of some candidate places, the one whose token tells most about all the others.

Source: arXiv 2602.18176; yks23/Information-Gain-Sampler, src/samplers/info_gain.py.
"""

from __future__ import annotations

import torch
from torch import Tensor

from inference.engine.decoding.blocks import chunks
from inference.engine.decoding.distribution import Distribution
from inference.engine.decoding.quotas import best
from inference.engine.decoding.recipe import Recipe
from inference.engine.decoding.rng import gumbel_of
from inference.engine.decoding.sources import Reader, Reading, plain
from inference.engine.decoding.view import Block, Drawn, RunState, View
from inference.engine.reduce import entropies


def looked_ahead(reader: Reader, state: RunState, block: Block) -> Reading:
    """All open positions; what the step before has already read of this canvas is used again."""
    kept = reader.kept
    open_now = state.canvas.writable_positions
    if isinstance(kept, tuple) and kept[0] == state.canvas.tokens and not state.params.cfg_scale:
        rows = [kept[1].index(i) for i in open_now]
        return Reading(reader.tensor(open_now), kept[2][rows], (0, len(state.canvas)))
    return plain(reader, state, block)


def most_informative(view: View, drawn: Drawn, scores: Tensor) -> Tensor:
    """The candidate whose objective is largest; all places at once if each reaches `threshold`.

    A `threshold` of 0 always looks ahead.

    Objective: minus the entropy of the place now, minus the mean entropy of all masks once its
    token is written (`lookum`: the latter alone). One batched forward over the candidates.
    """
    if all_sure(view, scores):
        return best(scores, len(scores))
    rows = candidates(view, scores)
    row = rows[most_telling(view, drawn.judged, rows, drawn.tokens[rows].tolist())]
    return torch.tensor([row], device=view.device)


def all_sure(view: View, scores: Tensor) -> bool:
    """Whether every place reaches `threshold`, where there is one."""
    bound = view.params.threshold
    return bound > 0 and bool((scores >= bound).all())


def most_telling(view: View, judged: Distribution, rows: list[int], tokens: list[int]) -> int:
    """Which of the candidates, places with their tokens, has the largest objective.

    What was read of its canvas is kept for the next step.
    """
    positions = view.positions[rows].tolist()
    canvases = [_written(view, i, token) for i, token in zip(positions, tokens, strict=True)]
    open_now = view.canvas.writable_positions
    found = view.look(canvases, open_now)
    after = [_left(logits, open_now, i) for logits, i in zip(found, positions, strict=True)]
    now = judged.entropy[rows].tolist() if view.params.info_form == "info_gain" else None
    objective = [-b - (now[i] if now else 0.0) for i, b in enumerate(after)]
    winner = max(range(len(objective)), key=objective.__getitem__)
    if view.reader is not None:
        view.reader.kept = (canvases[winner], open_now, found[winner])
    return winner


def candidates(view: View, scores: Tensor) -> list[int]:
    """Indices: the most confident place, and others drawn by confidence / temperature + noise.

    Equal draws count once; a temperature of 0 draws none, nor does a place that is left alone.
    """
    found = [int(best(scores, 1))]
    heat = view.params.position_temperature
    others = view.params.candidates - 1 if heat > 0 and len(scores) > 1 else 0
    for _ in range(others):
        uniform = torch.rand(len(scores), generator=view.generator)
        noisy = scores.cpu() / heat + gumbel_of(uniform.double()).to(torch.float32)
        row = int(noisy.argmax())
        found += [row] if row not in found else []
    return found


def _written(view: View, position: int, token: int) -> list[int]:
    tokens = list(view.canvas.tokens)
    tokens[position] = token
    return tokens


def _left(logits: Tensor, positions: list[int], written: int) -> float:
    """The mean entropy, in nats, of the places that are still open; 0 if there is none."""
    rows = [i for i, position in enumerate(positions) if position != written]
    return float(entropies(logits[rows]).mean()) if rows else 0.0


INFO_GAIN = Recipe(quota=most_informative, block=chunks, source=looked_ahead)

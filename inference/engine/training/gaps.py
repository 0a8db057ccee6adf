"""Training rows for a model that fills gaps of unknown length, in the way of DreamOn.

A gap is shown with too few masks, enough, or too many. Where a run of masks is too short, its
last mask is labelled <|expand|> and stands for everything that follows; where it is too long, the
masks behind the missing tokens are labelled <|delete|>. Only the end of a run tells its length:
that makes the labels sharp, whichever order the gap is later filled in. (DreamOn itself merges
masks at random places.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from inference.engine.training.model import MaskPredictor
from inference.engine.training.noise import Batch, Ids, Reals, logits_at

MAX_SURPLUS = 16
FULL_SHARE = 0.3
SENTENCE_SHARE = 0.7
MAX_SPAN = 24
WIDTH_STEP = 8


@dataclass(frozen=True)
class GapIds:
    """The special tokens of gap filling."""

    mask: int
    expand: int
    delete: int


@dataclass(frozen=True)
class GapRow:
    """What the model sees, what it should answer at the masks, and their weights."""

    shown: list[int]
    answers: list[int]
    weights: list[float]


@dataclass(frozen=True)
class GapBatch(Batch):
    """`ids` are the answers; `shown` is what the model sees, `weights` counts each mask."""

    shown: Ids
    weights: Reals


def choose_gap(
    bounds: list[int], first: int, last: int, rng: np.random.Generator
) -> tuple[int, int]:
    """A gap [start, end) in the tokens first…last: one or two whole sentences, or any span.

    `bounds` are the ends of sentences, ascending; the last one is `last`.
    """
    if rng.random() < SENTENCE_SHARE:
        starts = [first, *bounds[:-1]]
        index = int(rng.integers(len(starts)))
        return starts[index], bounds[min(index + int(rng.integers(2)), len(bounds) - 1)]
    span = int(rng.integers(1, MAX_SPAN + 1))
    start = int(rng.integers(first, last))
    return start, min(start + span, last)


def hide(ids: list[int], gap: tuple[int, int], special: GapIds, rng: np.random.Generator) -> GapRow:
    """The row for one gap: some of its tokens masked, its runs of masks too short or too long."""
    start, end = gap
    share = 1.0 if rng.random() < FULL_SHARE else rng.random()
    hidden = rng.random(end - start) < share
    mode = ("fits", "short", "long")[int(rng.integers(3))]
    middle = GapRow([], [], [])
    for position, run in _runs(ids[start:end], hidden):
        part = _run(run, mode, special, rng) if position else _plain(run)
        middle = _joined(middle, part)
    return _joined(_joined(_plain(ids[:start]), middle), _plain(ids[end:]))


def _plain(ids: list[int]) -> GapRow:
    return GapRow(ids, ids, [0.0] * len(ids))


def _joined(a: GapRow, b: GapRow) -> GapRow:
    return GapRow(a.shown + b.shown, a.answers + b.answers, a.weights + b.weights)


def _runs(ids: list[int], hidden: np.ndarray) -> list[tuple[bool, list[int]]]:
    """The gap as alternating runs: (hidden or not, tokens)."""
    runs: list[tuple[bool, list[int]]] = []
    for token, is_hidden in zip(ids, hidden.tolist(), strict=True):
        if not runs or runs[-1][0] != is_hidden:
            runs.append((is_hidden, []))
        runs[-1][1].append(token)
    return runs


def _run(run: list[int], mode: str, special: GapIds, rng: np.random.Generator) -> GapRow:
    """A run of missing tokens under masks of the right number, fewer, or more."""
    answers, weights = run, [1.0] * len(run)
    if mode == "short" and len(run) > 1:
        kept = int(rng.integers(1, len(run)))
        answers, weights = [*run[: kept - 1], special.expand], [1.0] * kept
    if mode == "long":
        surplus = int(rng.integers(1, MAX_SURPLUS + 1))
        # Together they count as one token; else deletion would be the commonest answer by far.
        answers = run + [special.delete] * surplus
        weights = weights + [1.0 / surplus] * surplus
    return GapRow([special.mask] * len(answers), answers, weights)


def stack(rows: list[GapRow], end_id: int) -> GapBatch:
    """Rows of different lengths in one batch, filled up with end-of-text.

    The width is a multiple of 8, for the reason that `logits_at` gives.
    """
    width = -(-max(len(row.shown) for row in rows) // WIDTH_STEP) * WIDTH_STEP
    shown = np.full((len(rows), width), end_id, dtype=np.int64)
    answers, weights = shown.copy(), np.zeros(shown.shape)
    for i, row in enumerate(rows):
        shown[i, : len(row.shown)] = row.shown
        answers[i, : len(row.answers)] = row.answers
        weights[i, : len(row.weights)] = row.weights
    return GapBatch(answers, weights > 0, shown, weights)


def gap_loss(
    model: MaskPredictor, batch: Batch, rng: np.random.Generator, longest: float = 1.0
) -> Tensor:
    """Mean cross-entropy at the masks, weighted as the rows say."""
    if not isinstance(batch, GapBatch):
        raise TypeError("gap_loss needs batches made by `stack`.")
    logits = logits_at(model, batch.shown, batch.maskable)
    answers = torch.from_numpy(batch.ids[batch.maskable]).to(logits.device)
    weights = torch.from_numpy(batch.weights[batch.maskable]).to(logits.device, torch.float32)
    nats = F.cross_entropy(logits.float(), answers, reduction="none")
    return (nats * weights).sum() / weights.sum()

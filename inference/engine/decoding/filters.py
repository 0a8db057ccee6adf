"""Temperature, top-p and top-k applied to a distribution, without sorting a large vocabulary."""

from __future__ import annotations

import torch
from torch import Tensor

from inference.engine.decoding.distribution import Distribution
from inference.engine.inverse_draw import COLDEST
from inference.engine.processing import keep_top_k, keep_top_p, outside_nucleus
from inference.engine.reduce import log_sum

SMALL = 8192
COLUMNS = 1024
BINS, DEPTH = 1024, 32.0


def filtered_distribution(
    source: Distribution, temperature: float, top_p: float, top_k: int
) -> Distribution:
    """softmax(logits / temperature) within top-p, then top-k; temperature 0 leaves logits alone.

    Barred tokens go first: they must not fill a nucleus of which then nothing is left. Of a large
    vocabulary only the best columns are looked at; where a nucleus is wider than those, its
    smallest logit is found by a histogram.
    """
    eligible = source.eligible
    logits = eligible / max(temperature, COLDEST) if temperature > 0 else eligible
    small = logits.shape[-1] <= SMALL
    if small or (top_p >= 1 and not 0 < top_k <= COLUMNS):
        return Distribution(keep_top_k(keep_top_p(logits, top_p), top_k), source.barred)
    values, ids = logits.topk(COLUMNS, dim=-1)
    probs = (values - log_sum(logits)[:, None]).exp()
    wide = probs.sum(-1) < top_p
    if 0 < top_k <= COLUMNS:
        values, ids, probs, wide = values[:, :top_k], ids[:, :top_k], probs[:, :top_k], wide & False
    if top_p < 1 and bool(wide.any()):
        if logits.is_cuda:  # sorts quickly, and adds up a histogram in no fixed order
            return Distribution(keep_top_k(keep_top_p(logits, top_p), top_k), source.barred)
        floors = torch.stack([nucleus_floor(row, top_p) for row in logits])
        kept = keep_top_k(logits.masked_fill(logits < floors[:, None], -torch.inf), top_k)
        return Distribution(kept, source.barred)
    if top_p < 1:
        values = values.masked_fill(outside_nucleus(probs, top_p), -torch.inf)
    return Distribution(values, source.barred, ids)


def top_k_first(source: Distribution, temperature: float, top_p: float, top_k: int) -> Distribution:
    """As `filtered_distribution`, but top-p is taken of what top-k has left (SDAR, LLaDA2)."""
    if not 0 < top_k < source.logits.shape[-1] or top_p >= 1:
        return filtered_distribution(source, temperature, top_p, top_k)
    eligible = source.eligible
    logits = eligible / max(temperature, COLDEST) if temperature > 0 else eligible
    if logits.shape[-1] <= SMALL or top_k > COLUMNS:
        return Distribution(keep_top_p(keep_top_k(logits, top_k), top_p), source.barred)
    values, ids = logits.topk(top_k, dim=-1)
    values = values.masked_fill(outside_nucleus(values.softmax(-1), top_p), -torch.inf)
    return Distribution(values, source.barred, ids)


def nucleus_floor(logits: Tensor, p: float) -> Tensor:
    """The smallest logit of a row [V] inside the smallest set that reaches probability p.

    A histogram over the distance from the largest logit tells in which bin the threshold is
    crossed; only that bin is sorted.
    """
    distance = logits.max() - logits
    weights = (-distance).exp().double()
    bins = (distance * (BINS / DEPTH)).clamp_max(BINS - 1).long()
    mass = torch.bincount(bins, weights, BINS).cumsum(0)
    target = p * mass[-1]
    crossed = int((mass <= target).sum().clamp_max(BINS - 1))
    inside = logits[bins == crossed].sort(descending=True).values
    before = mass[crossed - 1] if crossed else mass.new_zeros(())
    share = (inside - logits.max()).double().exp().cumsum(0) + before
    return inside[int((share <= target).sum().clamp_max(len(inside) - 1))]

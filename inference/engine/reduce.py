"""Reductions of logits [n, V] to a few numbers a row.

On a CPU rows are taken in portions that fit its cache, which is several times faster for a large
vocabulary than passing over all of them for each operation; a GPU takes all rows at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

PORTION = 1 << 18


def portions(*tensors: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """Matching row portions of equally shaped tensors [n, V]."""
    first = tensors[0]
    size = len(first) if first.is_cuda else max(1, PORTION // max(1, first.shape[-1]))
    yield from zip(*(torch.split(tensor, max(1, size)) for tensor in tensors), strict=True)


def by_rows(reduce: Callable[..., Tensor], *tensors: Tensor) -> Tensor:
    """`reduce` applied to portions [k, V], its results [k, …] put together again."""
    parts = [reduce(*portion) for portion in portions(*tensors)]
    return torch.cat(parts) if parts else reduce(*tensors)


def log_sum(logits: Tensor) -> Tensor:
    """log sum exp [n]."""
    return by_rows(lambda rows: rows.logsumexp(-1), logits)


def best_token(logits: Tensor, barred: Sequence[int] = ()) -> Tensor:
    """The id [n] of the largest logit that is not barred; of equals the lowest id."""
    best = logits.argmax(-1)
    if not barred:
        return best
    wrong = torch.isin(best, torch.tensor(barred, device=best.device)).nonzero()[:, 0]
    if len(wrong):
        rows = logits[wrong]
        rows[:, list(barred)] = -torch.inf
        best[wrong] = rows.argmax(-1)
    return best


def entropies(logits: Tensor) -> Tensor:
    """The entropy [n] of softmax(logits) in nats; a token of probability 0 adds nothing."""
    return by_rows(_entropy, logits)


def _entropy(rows: Tensor) -> Tensor:
    finite = rows - rows.amax(-1, keepdim=True)
    finite.clamp_min_(-1e4)
    weights = finite.exp()
    total = weights.sum(-1)
    return total.log() - weights.mul_(finite).sum(-1) / total


def divergences(now: Tensor, before: Tensor) -> Tensor:
    """KL(softmax(now) ‖ softmax(before)) [n] in nats."""
    return by_rows(_divergence, now, before)


def _divergence(now: Tensor, before: Tensor) -> Tensor:
    top, other = now.amax(-1, keepdim=True), before.amax(-1, keepdim=True)
    left, right = (now - top).clamp_min_(-1e4), (before - other).clamp_min_(-1e4)
    change = right.exp().sum(-1).log()
    weights = left.exp()
    total = weights.sum(-1)
    return weights.mul_(left.sub_(right)).sum(-1) / total - total.log() + change


def inverse_draw(
    logits: Tensor, uniform: Tensor, temperature: float = 1.0, barred: Sequence[int] = ()
) -> Tensor:
    """One id [n] of each row from softmax(logits / temperature), for uniform numbers [n] in [0, 1).

    The inverse of the cumulative distribution, first over stretches of the vocabulary, then inside
    one: the same law as adding Gumbel noise to every logit, for one random number a row. Barred
    ids and those with probability 0 are never drawn.
    """
    column = uniform.to(logits.device, torch.float64)[:, None]

    def portion(rows: Tensor, numbers: Tensor) -> Tensor:
        return _inverse(rows, numbers[:, 0], temperature, list(barred))

    return by_rows(portion, logits, column) if len(logits) else column[:, 0].long()


def _inverse(rows: Tensor, uniform: Tensor, temperature: float, barred: list[int]) -> Tensor:
    weights = (rows - rows.amax(-1, keepdim=True)).div_(temperature).exp_()
    if barred:
        weights[:, barred] = 0
    width = max(1, int(rows.shape[-1] ** 0.5))
    padding = -rows.shape[-1] % width
    parts = torch.nn.functional.pad(weights, (0, padding)).reshape(len(rows), -1, width)
    sums = parts.sum(-1, dtype=torch.float64).cumsum(-1)
    target = uniform * sums[:, -1]
    stretch = _first_beyond(sums, target)
    before = sums.gather(1, (stretch - 1).clamp_min(0)[:, None])[:, 0].where(stretch > 0, 0.0)
    inside = parts[torch.arange(len(rows), device=rows.device), stretch].double().cumsum(-1)
    return stretch * width + _first_beyond(inside, target - before)


def _first_beyond(cumulative: Tensor, target: Tensor) -> Tensor:
    """The first place [n] whose cumulative weight exceeds the target and that adds some itself."""
    place = torch.searchsorted(cumulative, target[:, None], right=True)[:, 0]
    last = (cumulative < cumulative[:, -1:]).sum(-1)
    return torch.minimum(place, last)

"""Reductions of logits [n, V] to a few numbers a row.

On a CPU rows are taken in portions that fit its cache, which is several times faster for a large
vocabulary than passing over all of them for each operation. A GPU takes many rows at once, but no
more than a few hundred megabytes: it may be almost full.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

PORTION = 1 << 17
DEVICE_PORTION = 1 << 24
DEEPEST = -87.0
"""Exponentials are taken of this at least: below, where single precision has few digits left or
none, torch takes a hundred times as long, and so small a share counts for nothing."""
FLAT = 4096
"""Up to this vocabulary all of it is worked on at once."""


def portions(*tensors: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """Matching row portions of equally shaped tensors [n, V]."""
    first = tensors[0]
    numbers = PORTION if first.device.type == "cpu" else DEVICE_PORTION
    size = max(1, numbers // max(1, first.shape[-1]))
    if len(first) <= size:
        yield tensors
        return
    yield from zip(*(torch.split(tensor, size) for tensor in tensors), strict=True)


def by_rows(reduce: Callable[..., Tensor], *tensors: Tensor) -> Tensor:
    """`reduce` applied to portions [k, V], its results [k, …] put together again."""
    return joined([reduce(*portion) for portion in portions(*tensors)])


def joined(parts: list[Tensor]) -> Tensor:
    """One tensor [n, …] of the portions' results [k, …]."""
    return parts[0] if len(parts) == 1 else torch.cat(parts)


def largest(logits: Tensor) -> Tensor:
    """The column [n] of the largest logit; of equals the first."""
    if logits.device.type != "cpu":
        return logits.argmax(-1)
    # a tenth of the time that torch takes on a CPU
    return torch.from_numpy(np.asarray(logits.numpy().argmax(-1)))


def dots(left: Tensor, right: Tensor) -> Tensor:
    """The sum [n] of the products of two rows [n, V]."""
    if left.device.type != "cpu":
        return (left * right).sum(-1)
    return torch.from_numpy(np.vecdot(left.numpy(), right.numpy()))  # half of torch's time


def weights(logits: Tensor, peaks: Tensor, temperature: float = 1.0) -> Iterator[Tensor]:
    """exp((l - peak) / temperature) [k, V], at least exp(DEEPEST), of portions of rows, for peaks
    [n, 1].

    Each portion lies where the one before did: fresh memory of this size costs pages each time, and
    whoever needs sums only reads them sooner so than from torch's own softmax.
    """
    memory = logits[:0]
    for rows, peak in portions(logits, peaks):
        if len(memory) < len(rows):
            memory = torch.empty_like(rows)
        found = torch.sub(rows, peak, out=memory[: len(rows)])
        found = found if temperature == 1.0 else found.div_(temperature)
        yield found.clamp_min_(DEEPEST).exp_()


def mass(logits: Tensor, peaks: Tensor) -> Tensor:
    """The sum [n, 1] of exp(l - peak), for peaks [n, 1] that are the largest logits."""
    return joined([found.sum(-1, keepdim=True) for found in weights(logits, peaks)])


def log_sum(logits: Tensor, top: Tensor | None = None) -> Tensor:
    """log sum exp [n]; `top`: the columns of the largest logits, where they are known already."""
    top = largest(logits) if top is None else top
    peaks = logits.gather(1, top[:, None])
    return (mass(logits, peaks).log() + peaks)[:, 0]


def best_token(logits: Tensor, barred: Sequence[int] = (), top: Tensor | None = None) -> Tensor:
    """The id [n] of the largest logit that is not barred; of equals the lowest id.

    `top`: the columns of the largest logits, where they are known already.
    """
    best = largest(logits) if top is None else top
    wrong = [row for row, token in enumerate(best.tolist()) if token in barred] if barred else []
    if wrong:
        rows = logits[wrong]
        rows[:, list(barred)] = -torch.inf
        best = best.clone()
        best[wrong] = largest(rows)
    return best


def entropies(logits: Tensor) -> Tensor:
    """The entropy [n] of softmax(logits) in nats; a token of probability 0 adds nothing."""
    return by_rows(_entropy, logits)


def _entropy(rows: Tensor) -> Tensor:
    finite = rows - rows.amax(-1, keepdim=True)
    finite.clamp_min_(DEEPEST)
    weights = finite.exp()
    total = weights.sum(-1)
    return total.log() - weights.mul_(finite).sum(-1) / total


def divergences(now: Tensor, before: Tensor) -> Tensor:
    """KL(softmax(now) ‖ softmax(before)) [n] in nats."""
    return by_rows(_divergence, now, before)


def _divergence(now: Tensor, before: Tensor) -> Tensor:
    top, other = now.amax(-1, keepdim=True), before.amax(-1, keepdim=True)
    left, right = (now - top).clamp_min_(DEEPEST), (before - other).clamp_min_(-1e4)
    change = right.clamp_min(DEEPEST).exp_().sum(-1).log()
    weights = left.exp()
    total = weights.sum(-1)
    return weights.mul_(left.sub_(right)).sum(-1) / total - total.log() + change

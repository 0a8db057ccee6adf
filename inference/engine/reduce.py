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

PORTION = 1 << 18
DEVICE_PORTION = 1 << 24
FLAT = 4096
"""Up to this vocabulary a draw looks through all of it at once."""
COLDEST = 1e-6
"""Colder draws are made at this temperature, so that no logit divided by it overflows."""
BELOW_ONE = 1 - 2.0**-51
"""What a uniform number is held to, so that its share of a sum stays below the sum."""


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


def log_sum(logits: Tensor, top: Tensor | None = None) -> Tensor:
    """log sum exp [n]; `top`: the columns of the largest logits, where they are known already."""
    top = largest(logits) if top is None else top
    return by_rows(_log_sum, logits, top[:, None]) if len(logits) else logits.new_zeros(0)


def _log_sum(rows: Tensor, top: Tensor) -> Tensor:
    # the fused log-softmax is faster than logsumexp; one column of it tells the norm
    return (rows.gather(1, top) - rows.log_softmax(-1).gather(1, top))[:, 0]


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


def prob_of(logits: Tensor, tokens: Tensor) -> Tensor:
    """softmax(logits) at one token [n] of each row [n, V]."""
    return by_rows(_probs_at, logits, tokens[:, None])[:, 0]


def _probs_at(rows: Tensor, columns: Tensor) -> Tensor:
    return rows.softmax(-1).gather(1, columns)


def inverse_draw(
    logits: Tensor, uniform: Tensor, temperature: float = 1.0, barred: Sequence[int] = ()
) -> tuple[Tensor, Tensor]:
    """One id [n] of each row from softmax(logits / temperature), for uniform numbers [n] in [0, 1).

    The inverse of the cumulative distribution: the same law as adding Gumbel noise to every logit,
    for one random number a row. Barred ids and those with probability 0 are never drawn. Also
    returns the probability [n] of what was drawn, which costs nothing here: at temperature 1 with
    the share of the barred ids, at any other without it.
    """
    temperature = max(temperature, COLDEST)
    draw = _draw_by_stretches if logits.shape[-1] > FLAT else _draw_flat
    tokens, probs, lost = draw(logits, uniform, temperature, barred)
    if barred and bool(lost.any()):
        rows, rest = lost.nonzero()[:, 0], tuple(barred)
        alone = draw(_without(logits[lost], rest), uniform[lost], temperature, ())[0]
        tokens = tokens.index_copy(0, rows, alone)
    return tokens, probs


def _without(fresh: Tensor, barred: Sequence[int]) -> Tensor:
    """The same tensor, which nobody else holds, with the barred columns at -inf."""
    for token in barred:
        fresh.select(-1, token).fill_(-torch.inf)
    return fresh


def _softmax(rows: Tensor, temperature: float, barred: Sequence[int]) -> Tensor:
    """Probabilities [n, V] with 0 at the barred ids; those of the others add up to 1 unless the
    temperature is 1, at which what they are shown with is also what they are drawn with."""
    if temperature != 1.0:
        return _without(rows / temperature, barred).softmax(-1)
    probs = rows.softmax(-1)
    for token in barred:
        probs.select(1, token).zero_()
    return probs


def _draw_flat(
    logits: Tensor, uniform: Tensor, temperature: float, barred: Sequence[int]
) -> tuple[Tensor, Tensor, Tensor]:
    drawn = [_draw(rows, part, temperature, barred) for rows, part in portions(logits, uniform)]
    tokens, probs, lost = zip(*drawn, strict=True)
    return joined(list(tokens)), joined(list(probs)), joined(list(lost))


def _draw(
    logits: Tensor, uniform: Tensor, temperature: float, barred: Sequence[int]
) -> tuple[Tensor, Tensor, Tensor]:
    """Over the whole of a small vocabulary at once; which rows the barred ids had to themselves."""
    probs = _softmax(logits, temperature, barred)
    sums = probs.cumsum(-1, dtype=torch.float64)
    tokens = torch.searchsorted(sums, _target(uniform, sums), right=True)
    tokens.clamp_max_(logits.shape[-1] - 1)
    return tokens[:, 0], probs.gather(1, tokens)[:, 0], sums[:, -1] == 0


def _target(uniform: Tensor, sums: Tensor) -> Tensor:
    """The share [n, 1] of the whole sum that each uniform number stands for."""
    return uniform.to(sums).clamp_max(BELOW_ONE)[:, None] * sums[:, -1:]


def _draw_by_stretches(
    logits: Tensor, uniform: Tensor, temperature: float, barred: Sequence[int]
) -> tuple[Tensor, Tensor, Tensor]:
    """First over stretches of the vocabulary, then inside one; the rest as `_draw`."""
    width = int(logits.shape[-1] ** 0.5)
    top = best_token(logits, barred)[:, None]
    masses, peaks = _masses(logits, top, temperature, barred, width)
    norm = logits.gather(1, top) / temperature - peaks.log()
    sums = masses.cumsum(-1, dtype=torch.float64)
    target = _target(uniform, sums)
    stretch = torch.searchsorted(sums, target, right=True).clamp_max_(sums.shape[-1] - 1)
    before = sums.gather(1, (stretch - 1).clamp_min(0)).where(stretch > 0, 0.0)
    columns = stretch * width + torch.arange(width, device=logits.device)
    weights = _weights_at(logits, columns, norm, temperature, barred)
    inside = _first_beyond(weights.cumsum(-1), target - before).clamp_max_(width - 1)
    probs = weights.gather(1, inside)[:, 0].to(logits)
    return (stretch * width + inside)[:, 0], probs, sums[:, -1] == 0


def _masses(
    logits: Tensor, top: Tensor, temperature: float, barred: Sequence[int], width: int
) -> tuple[Tensor, Tensor]:
    """Probability of each stretch of `width` columns [n, s], and of the best column [n, 1].

    The last stretch is shorter. Barred columns have no part in either.
    """
    masses, peaks = [], []
    for rows, column in portions(logits, top):
        probs = _softmax(rows, temperature, barred)
        peaks.append(probs.gather(1, column))
        masses.append(_stretches(probs, width))
    return joined(masses), joined(peaks)


def _stretches(probs: Tensor, width: int) -> Tensor:
    """Sums [n, s] over stretches; the last is shorter."""
    whole = probs.shape[-1] - probs.shape[-1] % width
    full = probs[:, :whole].reshape(len(probs), -1, width).sum(-1)
    return torch.cat([full, probs[:, whole:].sum(-1, keepdim=True)], 1)


def _weights_at(
    logits: Tensor, columns: Tensor, norm: Tensor, temperature: float, barred: Sequence[int]
) -> Tensor:
    """The probabilities [n, w], float64, of some columns; 0 for barred ones and behind the last."""
    last = logits.shape[-1] - 1
    found = logits.gather(1, columns.clamp_max(last)).double() / temperature
    weights = (found - norm).exp_().masked_fill_(columns > last, 0.0)
    for token in barred:
        weights.masked_fill_(columns == token, 0.0)
    return weights


def _first_beyond(cumulative: Tensor, target: Tensor) -> Tensor:
    """The first place [n, 1] whose cumulative weight exceeds the target [n, 1].

    Rounding may carry the target beyond the whole weight; it is then set just below it, so that the
    place always adds some weight itself.
    """
    below = torch.nextafter(cumulative[:, -1:], cumulative.new_zeros(()))
    return torch.searchsorted(cumulative, torch.minimum(target, below), right=True)

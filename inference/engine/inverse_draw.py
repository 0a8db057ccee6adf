"""A token of each row by the inverse of its cumulative distribution: one random number a row.

Over a large vocabulary the sums of stretches of it are looked through first, then one stretch.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from inference.engine.reduce import FLAT, best_token, joined, largest, portions, weights

COLDEST = 1e-6
"""Colder draws are made at this temperature, so that no logit divided by it overflows."""
DUST = 1e-33
"""What a stretch weighs at most whose tokens have no probability; see `reduce.DEEPEST`."""
BELOW_ONE = 1 - 2.0**-51
"""What a uniform number is held to, so that its share of a sum stays below the sum."""


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
    top = largest(logits) if temperature == 1.0 else best_token(logits, barred)
    peaks = logits.gather(1, top[:, None])
    masses, total = _masses(logits, peaks, temperature, barred, width)
    sums = masses.cumsum(-1, dtype=torch.float64)
    target = _target(uniform, sums)
    stretch = torch.searchsorted(sums, target, right=True).clamp_max_(sums.shape[-1] - 1)
    before = sums.gather(1, (stretch - 1).clamp_min(0)).where(stretch > 0, 0.0)
    columns = stretch * width + torch.arange(width, device=logits.device)
    near = _weights_at(logits, columns, peaks, temperature, barred)
    inside = _first_beyond(near.cumsum(-1), target - before).clamp_max_(width - 1)
    probs = (near.gather(1, inside) / total)[:, 0].to(logits)
    return (stretch * width + inside)[:, 0], probs, sums[:, -1] == 0


def _masses(
    logits: Tensor, peaks: Tensor, temperature: float, barred: Sequence[int], width: int
) -> tuple[Tensor, Tensor]:
    """Weight of each stretch of `width` columns [n, s] without the barred ones, and of everything
    that has a share [n, 1]: at temperature 1 they have. The last stretch is shorter."""
    masses, totals = [], []
    for found in weights(logits, peaks, temperature):
        apart = found[:, list(barred)].sum(-1, keepdim=True)
        for token in barred:
            found.select(1, token).zero_()
        masses.append(torch.threshold_(_stretches(found, width), DUST, 0.0))
        rest = masses[-1].sum(-1, keepdim=True)
        totals.append(rest + apart if temperature == 1.0 else rest)
    return joined(masses), joined(totals)


def _stretches(probs: Tensor, width: int) -> Tensor:
    """Sums [n, s] over stretches; the last is shorter."""
    whole = probs.shape[-1] - probs.shape[-1] % width
    full = probs[:, :whole].reshape(len(probs), -1, width).sum(-1)
    return torch.cat([full, probs[:, whole:].sum(-1, keepdim=True)], 1)


def _weights_at(
    logits: Tensor, columns: Tensor, peaks: Tensor, temperature: float, barred: Sequence[int]
) -> Tensor:
    """The weights [n, w], float64, of some columns; 0 for barred ones and behind the last."""
    last = logits.shape[-1] - 1
    below = logits.gather(1, columns.clamp_max(last)).double() - peaks
    found = (below / temperature).exp_().masked_fill_(columns > last, 0.0)
    for token in barred:
        found.masked_fill_(columns == token, 0.0)
    return found


def _first_beyond(cumulative: Tensor, target: Tensor) -> Tensor:
    """The first place [n, 1] whose cumulative weight exceeds the target [n, 1].

    Rounding may carry the target beyond the whole weight; it is then set just below it, so that the
    place always adds some weight itself.
    """
    below = torch.nextafter(cumulative[:, -1:], cumulative.new_zeros(()))
    return torch.searchsorted(cumulative, torch.minimum(target, below), right=True)

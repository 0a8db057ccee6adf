"""Writing a digest: logits of the open positions, reduced on the device to a kilobyte or two each.

The formats stand in `digest_forms`, what can be read back from them in `digest_view`.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import torch
from torch import Tensor

from inference.engine.digest_forms import (
    BETA_MIN,
    FARTHEST,
    GRID,
    KEEP,
    PACKED,
    STEP,
    dense_bytes,
    sparse_form,
)
from inference.engine.errors import NonFiniteError
from inference.engine.processing import forbid
from inference.engine.reduce import best_token, dots, entropies, largest, portions

SMALL = 1024
"""The largest vocabulary that is kept whole: two kilobytes a position."""


@torch.inference_mode()
def encode(
    logits: Tensor,
    positions: Sequence[int],
    exclude: Sequence[int | None] = (),
    compress: bool = False,
    small: int = SMALL,
) -> bytes:
    """The digest of logits [n, V] at `positions` [n]; dense if V ≤ `small`.

    The ids in `exclude` (the mask's) are never candidates but keep their share; those that no
    token has need no excluding. Only the reduced
    arrays cross to the host. Compressing takes several times longer than the rest. Raises
    NonFiniteError for logits that are none.
    """
    never = [token for token in exclude if token is not None and token < logits.shape[-1]]
    form = _dense if logits.shape[-1] <= small else _sparse
    body = form(logits, positions, never)
    return PACKED + zlib.compress(body, 6) if compress else body


def _dense(logits: Tensor, positions: Sequence[int], exclude: list[int]) -> bytes:
    rows = logits.float()
    probs = rows.softmax(-1)  # the slowest first: it hides the way from memory to cache
    peak = largest(rows)
    best = best_token(rows, exclude, peak)
    top = rows.gather(1, best[:, None])
    differences = (top - rows).clamp_(-FARTHEST, FARTHEST)
    # the peak's probability never vanishes; that of the best candidate may, beside an excluded one
    norm = _column(probs, peak).log().neg_()
    if best is not peak:
        norm -= _column(differences, peak)
    entropy = dots(probs, differences).add_(norm)
    _check_finite(entropy, positions)
    columns = (top, norm, entropy, differences.half())
    return dense_bytes(exclude, positions, [column.cpu().numpy() for column in columns])


def _check_finite(entropy: Tensor, positions: Sequence[int]) -> None:
    """A number that is not finite leaves no entropy [n]; an infinite one may hide from a sum."""
    fine = torch.isfinite(entropy)
    if not bool(fine.all()):
        raise NonFiniteError(positions[int((~fine).int().argmax())])


def _column(table: Tensor, columns: Tensor) -> Tensor:
    """One entry [n] of each row."""
    return table.gather(1, columns[:, None])[:, 0]


def _sparse(logits: Tensor, positions: Sequence[int], exclude: list[int]) -> bytes:
    keep = min(KEEP, logits.shape[-1] - len(exclude))
    parts = [_reduce(rows, exclude, keep) for (rows,) in portions(logits)]
    joined = [torch.cat(column) for column in zip(*parts, strict=True)]
    _check_finite(joined[2], positions)
    columns = [column.cpu().numpy() for column in joined]
    return sparse_form(columns, positions, logits.shape[-1]).to_bytes()


def _reduce(logits: Tensor, exclude: Sequence[int], keep: int) -> tuple[Tensor, ...]:
    """Kept ids and logits, entropy, and the tail's maximum, partition function and slope."""
    rows = logits.float()
    values, ids = forbid(rows, exclude).topk(keep, dim=-1)
    entropy = entropies(rows)
    tail = rows.scatter(-1, ids, -torch.inf)
    top = tail.amax(-1)
    partition, slope = _partition(tail - torch.where(top > -torch.inf, top, 0.0)[:, None])
    return ids, values, entropy, top, partition, slope


def _partition(tail: Tensor) -> tuple[Tensor, Tensor]:
    """log sum exp(b x) [n, GRID] and its slope in log b, for x = tail logits less their maximum.

    The grid's ratio is the square root of two, so that only the first two points need an
    exponential and every later one is the square of the one two before it.
    """
    finite = tail.clamp_min(-1e4)
    betas = BETA_MIN * torch.exp(STEP * torch.arange(GRID, device=tail.device))
    pair = [(finite * beta).exp_() for beta in betas[:2].tolist()]
    for weights in pair:
        weights.masked_fill_(tail == -torch.inf, 0.0)
    product = torch.empty_like(finite)
    norms, sums = [], []
    for point in range(GRID):
        weights = pair[point % 2] if point < 2 else pair[point % 2].square_()
        norms.append(weights.sum(-1))
        sums.append(torch.mul(weights, finite, out=product).sum(-1))
    norm = torch.stack(norms, -1)
    return norm.log(), torch.nan_to_num(torch.stack(sums, -1) / norm * betas)

"""Writing a digest: logits of the open positions, reduced on the device to about a kilobyte each.

The format and what can be read back from it stand in `digest_view`.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from .digest_view import BETA_MIN, GRID, HEADER, MAGIC, PACKED, STEP, VERSION
from .processing import forbid
from .reduce import entropies, portions

KEEP = 128


@torch.inference_mode()
def encode(
    logits: Tensor,
    positions: Sequence[int],
    exclude: Sequence[int | None] = (),
    keep: int = KEEP,
    compress: bool = False,
) -> bytes:
    """The digest of logits [n, V] at `positions` [n].

    `exclude` (the mask id) is never among the kept tokens; it counts in the tail. Only the reduced
    arrays cross to the host.
    """
    keep = min(keep, logits.shape[-1] - len([token for token in exclude if token is not None]))
    parts = [_reduce(rows, exclude, keep) for (rows,) in portions(logits)]
    columns = [torch.cat(column) for column in zip(*parts, strict=True)] if parts else []
    body = _pack([column.cpu().numpy() for column in columns], positions, keep, logits.shape[-1])
    return PACKED + zlib.compress(body, 6) if compress else body


def _reduce(logits: Tensor, exclude: Sequence[int | None], keep: int) -> tuple[Tensor, ...]:
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


def _pack(columns: list[np.ndarray], positions: Sequence[int], keep: int, vocabulary: int) -> bytes:
    width = 2 if vocabulary <= 1 << 16 else 3
    header = HEADER.pack(MAGIC, VERSION, width, keep, len(positions), vocabulary, GRID, 0)
    if not columns:
        return header
    ids, values, entropy, top, partition, slope = columns
    below = np.minimum(values[:, :1] - values, 6e4)
    planes = [(ids >> (8 * byte) & 255).astype("u1") for byte in range(width)]
    arrays = [
        np.asarray(positions, "<u4"),
        *(column.astype("<f4") for column in (values[:, 0], entropy, top, partition, slope)),
        below.astype("<f2"),
        *planes,
    ]
    return header + b"".join(np.ascontiguousarray(array).tobytes() for array in arrays)

"""The digest of rows over a large vocabulary on a GPU: the histogram of `digest_histogram`.

All rows at once, in a handful of passes over them: one for the best tokens, some for the bins and
their counts, and a product of the counts with the table of the bins. Everything that is small
crosses to the host in one copy, and numpy does the rest there, in whoever writes the digest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from inference.engine.digest_forms import FARTHEST_HALF, Form, codes_of
from inference.engine.digest_histogram import BINS, INFINITE, bins_of, edges, table
from inference.engine.digest_tail import Array, entropies_of, from_sums
from inference.engine.errors import NonFiniteError
from inference.engine.reduce import DEVICE_PORTION


@dataclass(frozen=True)
class Columns:
    """What is kept of n rows, in the columns of one host array [n, c] of float64.

    In this order: the largest logit, the best one that is not excluded, the least difference of the
    tail, those of the x excluded tokens, those of the K named ones, their ids, ascending, and the
    sums over the tail that `digest_histogram.table` gives.
    """

    found: Array
    vocabulary: int
    excluded: int
    kept: int
    nodes: int

    def form(self, positions: Array, excluded: Array) -> Form:
        """The arrays of a digest of these rows."""
        start, count, kept = 3, self.excluded, self.kept
        apart = self.found[:, start : start + count].clip(-FARTHEST_HALF, FARTHEST_HALF)
        named = self.found[:, start + count : start + count + kept]
        ids = self.found[:, start + count + kept : start + count + 2 * kept]
        sums = self.found[:, start + count + 2 * kept :]
        far = self.found[:, 2]
        return Form(
            self.vocabulary,
            positions,
            self.found[:, 1].astype("<f4"),
            entropies_of(named, apart, sums[:, :2]).astype("<f4"),
            ids.astype("<i8"),
            codes_of(named),
            excluded,
            apart.astype("<f4"),
            far.astype("<f4"),
            from_sums(sums[:, 2:].reshape(len(far), 3, self.nodes), far),
        )


def columns_of(
    logits: Tensor, positions: Sequence[int], excluded: Sequence[int], kept: int, nodes: int
) -> Columns:
    """From logits [n, V] wherever they lie. Raises NonFiniteError for logits that are none."""
    size = max(1, DEVICE_PORTION // logits.shape[1])
    parts = [_reduced(rows.float(), excluded, kept, nodes) for rows in torch.split(logits, size)]
    found = torch.cat(parts).cpu().numpy()
    for position, largest in zip(positions, found[:, 0].tolist(), strict=True):
        if not -torch.inf < largest < torch.inf:
            raise NonFiniteError(position)
    return Columns(found, logits.shape[1], len(excluded), kept, nodes)


def _reduced(rows: Tensor, excluded: Sequence[int], kept: int, nodes: int) -> Tensor:
    """The columns of some rows [n, V]."""
    largest, values, ids = _best(rows, excluded, kept)
    top = values[:, :1]
    below = top - rows
    apart = below[:, list(excluded)]
    for token in excluded:
        below.select(1, token).fill_(torch.inf)
    ids, order = ids.sort(dim=-1)
    counts = tail_counts(below, ids, len(excluded))
    far = _on(rows.device, edges)[(counts > 0).int().argmax(1)]
    sums = counts.double() @ _on(rows.device, table, nodes)
    small = [largest, top, far[:, None], apart, top - values.gather(1, order), ids]
    return torch.cat([*(column.double() for column in small), sums], 1)


def _best(rows: Tensor, excluded: Sequence[int], kept: int) -> tuple[Tensor, Tensor, Tensor]:
    """The largest logit [n, 1], and the best `kept` that are not excluded with their ids [n, K]."""
    values, ids = rows.topk(kept + len(excluded), dim=-1)
    largest = values[:, :1].clone()
    for token in excluded:
        values.masked_fill_(ids == token, -torch.inf)
    if excluded:  # they sink to the end; those that were not among the best push out the worst
        values, order = values.sort(dim=-1, descending=True, stable=True)
        ids = ids.gather(1, order)
    return largest, values[:, :kept], ids[:, :kept]


def tail_counts(below: Tensor, named: Tensor, excluded: int) -> Tensor:
    """How many tokens of the tail [n, BINS] lie in each bin: all but the named and the excluded."""
    bins = bins_of(below).long()
    counts = torch.zeros(len(below), BINS, dtype=torch.int32, device=below.device)
    one = torch.ones((), dtype=torch.int32, device=below.device)
    counts.scatter_add_(1, bins, one.expand_as(bins))
    counts.scatter_add_(1, bins.gather(1, named), (-one).expand_as(named))
    counts[:, INFINITE] -= excluded
    return counts


@lru_cache(maxsize=16)
def _on(device: torch.device, make: object, *arguments: int) -> Tensor:
    """A table of the histogram on a device."""
    assert callable(make)
    return torch.as_tensor(make(*arguments)).to(device)

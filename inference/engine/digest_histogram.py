"""The digest of rows over a large vocabulary on a CPU: by a histogram of how far logits lie below.

Each row is passed over a few times only. Its differences l0 - l are counted in narrow bins, 1024
to a factor of two; from the counts follow which tokens are the best, and, as a matrix product over
the bins, the curve of all others. A difference falls into one of the two bins around it by a fixed
random number of its token, so that the bins' edges tell the mean exactly.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from inference.engine.digest_forms import Form, codes_of
from inference.engine.digest_tail import Array, entropies_of, from_sums, terms_of

SHIFT = 13
"""Bits of a float32's fraction that a bin does not tell apart: 10 of 23 are left."""
LOWEST = int(np.float32(2.0**-12).view(np.int32)) >> SHIFT
BINS = (int(np.float32(2.0**9).view(np.int32)) >> SHIFT) - LOWEST + 1
"""The last one stands for all differences beyond 512, which weigh nothing."""
PORTION = 16
"""Rows of counts that are turned into curves at once."""


def form_of_rows(
    logits: Tensor, positions: Array, excluded: list[int], kept: int, nodes: int
) -> Form:
    """From logits [n, V] on a CPU, in any precision."""
    rows = [_Row(row.float(), excluded, kept) for row in logits]
    curves = [_sums(rows[i : i + PORTION], nodes) for i in range(0, len(rows), PORTION)]
    sums, unit = (np.concatenate(part) for part in zip(*curves, strict=True))
    far = np.array([row.far for row in rows])
    named = np.stack([row.named for row in rows])
    apart = np.stack([row.excluded for row in rows])
    return Form(
        logits.shape[1],
        positions,
        np.array([row.top for row in rows], "<f4"),
        entropies_of(named, apart, unit).astype("<f4"),
        np.stack([row.tokens for row in rows]),
        codes_of(named),
        np.array(excluded, "<u4"),
        apart,
        far.astype("<f4"),
        from_sums(sums, far),
    )


class _Row:
    """One row: its best tokens, and the counts of all that are neither named nor excluded."""

    def __init__(self, logits: Tensor, excluded: list[int], kept: int) -> None:
        self.top = float(_largest(logits, excluded)) + 0.0  # -0.0 would lie below itself
        below = self.top - logits
        self.excluded = below[excluded].numpy()
        below[excluded] = torch.inf
        bits = below.view(torch.int32)
        bins = bins_of(below)
        counts = torch.bincount(bins, minlength=BINS).numpy()
        counts[-1] -= len(excluded)
        self.tokens = _best(bits.numpy(), counts, kept)
        self.named = below.numpy()[self.tokens]
        np.subtract.at(counts, bins.numpy()[self.tokens], 1)
        self.counts = counts
        some = counts > 0
        self.first, self.last = int(some.argmax()), BINS - 1 - int(some[::-1].argmax())
        self.far = float(edges()[self.first])


def _largest(logits: Tensor, excluded: list[int]) -> Tensor:
    """The largest logit that is not excluded."""
    peak = int(logits.numpy().argmax())
    if peak not in excluded:
        return logits[peak]
    others = logits.clone()
    others[excluded] = -torch.inf
    return others.amax()


def _best(bits: Array, counts: Array, kept: int) -> Array:
    """The ids [K] of the smallest differences, ascending; of equals in half precision the lowest.

    The counts tell a bin up to which there are enough; whoever lies in it may have been counted in
    the next one.
    """
    last = int(np.searchsorted(np.cumsum(counts), kept))
    near = bits < ((last + LOWEST + 1) << SHIFT) if last < BINS - 1 else bits < np.iinfo("i4").max
    found = np.flatnonzero(near)
    order = codes_of(bits[found].view("<f4")).argsort(kind="stable")[:kept]
    return found[np.sort(order)]


def _sums(rows: list[_Row], nodes: int) -> tuple[Array, Array]:
    """Sums [m, 3, P] of w, w d and w d^2 over the tails, and those [m, 2] of w, -w d at b = 1."""
    span = slice(min(row.first for row in rows), max(row.last for row in rows) + 1)
    counts = np.stack([row.counts[span] for row in rows]).astype(np.float64)
    # by torch, whose threads are at hand here: numpy would wake some of its own
    found = (torch.from_numpy(counts) @ table(nodes)[span]).numpy()
    return found[:, 2:].reshape(len(rows), 3, nodes), found[:, :2]


def bins_of(below: Tensor) -> Tensor:
    """The bins, int32 [..., V], of differences [..., V] in single precision."""
    dither = _dither(below.shape[-1], below.device)
    return (below.view(torch.int32) + dither).__irshift__(SHIFT).clamp_(0, BINS - 1)


@lru_cache(maxsize=8)
def _dither(vocabulary: int, device: torch.device) -> Tensor:
    """Of each token, how much is added to its bits before they are cut: int32 [V].

    With the lowest bin's number taken off, so that bins count from 0.
    """
    generator = torch.Generator().manual_seed(0)
    random = torch.randint(1 << SHIFT, (vocabulary,), generator=generator, dtype=torch.int32)
    return (random - (LOWEST << SHIFT)).to(device)


@lru_cache(maxsize=1)
def edges() -> Array:
    """The difference [BINS] for which a bin stands."""
    found = ((np.arange(BINS, dtype=np.int32) + LOWEST) << SHIFT).view(np.float32)
    found[0] = 0.0
    return found.astype(np.float64)


@lru_cache(maxsize=4)
def table(nodes: int) -> Tensor:
    """Of each bin the terms of its difference: [BINS, 2 + 3 P]."""
    return torch.from_numpy(terms_of(edges(), nodes))

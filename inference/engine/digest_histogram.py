"""The digest of rows over a large vocabulary on a CPU: by a histogram of how far logits lie below.

Each row is passed over a few times only, after the first in numbers of 16 bits: its differences
l0 - l in half precision, whose bits sort as whole numbers do. These are counted in narrow bins, 256
to a factor of two; from the counts follow which tokens are the best, and, as a matrix product over
the bins, the curve of all others. A difference falls into one of the two bins around it by a fixed
random number of its token, so that the bins' edges tell the mean exactly.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from inference.engine.digest_codes import pieces, write_codes
from inference.engine.digest_forms import FARTHEST_CODE, FARTHEST_HALF, NEVER, Form
from inference.engine.digest_tail import Array, entropies_of, from_sums, terms_of
from inference.engine.errors import NonFiniteError

SHIFT = 2
"""Bits of a half-precision fraction that a bin does not tell apart: 8 of 10 are left."""
INFINITE = int(np.float16(np.inf).view("u2")) >> SHIFT
"""The bin of differences that half precision cannot say; what lies in it weighs nothing."""
BINS = (NEVER >> SHIFT) + 2
PORTION = 16
"""Rows of counts that are turned into curves at once."""


def form_of_rows(
    logits: Tensor, positions: Array, excluded: list[int], kept: int, nodes: int
) -> Form:
    """From logits [n, V] on a CPU, in any precision. Raises NonFiniteError."""
    scratch = _Scratch(logits.shape[1])
    rows = [
        _Row(row.float().numpy(), place, excluded, kept, scratch)
        for row, place in zip(logits, positions.tolist(), strict=True)
    ]
    curves = [_sums(rows[i : i + PORTION], nodes) for i in range(0, len(rows), PORTION)]
    sums, unit = (np.concatenate(part) for part in zip(*curves, strict=True))
    far = edges()[[row.first for row in rows]]
    named = np.stack([row.named for row in rows])
    apart = np.stack([row.excluded for row in rows])
    return Form(
        logits.shape[1],
        positions,
        np.array([row.top for row in rows], "<f4"),
        entropies_of(named, apart, unit).astype("<f4"),
        np.stack([row.tokens for row in rows]),
        np.minimum([row.codes for row in rows], FARTHEST_CODE),
        np.array(excluded, "<u4"),
        apart,
        far.astype("<f4"),
        from_sums(sums, far),
    )


class _Scratch:
    """Arrays that all rows are worked out in: fresh ones of this size cost pages each time."""

    def __init__(self, vocabulary: int) -> None:
        self.below = np.empty(vocabulary, "<f4")
        self.codes = np.empty(vocabulary, "<u2")
        self.bins = np.empty(vocabulary, "<u2")
        self.dither = _dither(vocabulary, torch.device("cpu")).numpy().view("<u2")
        self.pieces = pieces(self.below, self.codes)
        self.counted = torch.from_numpy(self.bins.view("<i2"))

    def fill(self, top: float, row: Array, excluded: list[int]) -> None:
        """Write the row's differences, their codes and bins."""
        np.subtract(np.float32(top), row, out=self.below)
        write_codes(self.pieces)
        self.codes[excluded] = NEVER
        np.add(self.codes, self.dither, out=self.bins)
        np.right_shift(self.bins, SHIFT, out=self.bins)

    def counts(self) -> Array:
        """How many tokens lie in each bin [INFINITE]; by torch, which takes such integers."""
        return torch.bincount(self.counted, minlength=BINS).numpy()[:INFINITE]


class _Row:
    """One row: its best tokens, and the counts of all that are neither named nor excluded."""

    def __init__(
        self, row: Array, position: int, excluded: list[int], kept: int, scratch: _Scratch
    ) -> None:
        self.top = _largest(row, position, excluded) + 0.0  # -0.0 would lie below itself
        scratch.fill(self.top, row, excluded)
        self.excluded = np.clip(scratch.below[excluded], -FARTHEST_HALF, FARTHEST_HALF)
        self.counts = counts = scratch.counts()
        self.tokens = _best(scratch.codes, counts, kept)
        self.codes, self.named = scratch.codes[self.tokens], scratch.below[self.tokens]
        bins = scratch.bins[self.tokens]
        np.subtract.at(counts, bins[bins < INFINITE], 1)
        some = np.flatnonzero(counts > 0)
        self.first = int(some[0]) if len(some) else INFINITE
        self.last = int(some[-1]) if len(some) else 0


def _largest(row: Array, position: int, excluded: list[int]) -> float:
    """The largest logit that is not excluded. Raises NonFiniteError."""
    peak = int(row.argmax())
    if not math.isfinite(row[peak]):  # what is no number counts as the largest
        raise NonFiniteError(position)
    if peak in excluded:
        row = row.copy()
        row[excluded] = -np.inf
        peak = int(row.argmax())
    return float(row[peak])


def _best(codes: Array, counts: Array, kept: int) -> Array:
    """The ids [K] of the smallest differences, ascending; of equals in half precision the lowest.

    The counts tell a bin up to which there are enough; whoever lies in it may have been counted in
    the next one.
    """
    found = np.flatnonzero(codes < _border(counts, kept))
    order = codes[found].argsort(kind="stable")[:kept]
    return found[np.sort(order)]


def _border(counts: Array, kept: int) -> int:
    """A code before which there are enough; most often a few bins behind the first tell."""
    start, width, before = int((counts > 0).argmax()), 1024, 0
    while start < len(counts):
        sums = before + np.cumsum(counts[start : start + width])
        if sums[-1] >= kept:
            return start + int(np.searchsorted(sums, kept)) + 1 << SHIFT
        start, before = start + width, sums[-1]
    return NEVER


def _sums(rows: list[_Row], nodes: int) -> tuple[Array, Array]:
    """Sums [m, 3, P] of w, w d and w d^2 over the tails, and those [m, 2] of w, -w d at b = 1."""
    span = slice(min(row.first for row in rows), max(row.last for row in rows) + 1)
    counts = np.stack([row.counts[span] for row in rows]).astype(np.float64)
    # by torch, whose threads are at hand here: numpy would wake some of its own
    found = (torch.from_numpy(counts) @ table(nodes)[span]).numpy()
    return found[:, 2:].reshape(len(rows), 3, nodes), found[:, :2]


def bins_of(below: Tensor) -> Tensor:
    """The bins, int16 [..., V], of differences [..., V] in single precision."""
    codes = below.half().view(torch.int16)
    codes.add_(_dither(below.shape[-1], below.device)).__irshift__(SHIFT)
    return codes.clamp_(min=0)  # what is no number, which is told of elsewhere


@lru_cache(maxsize=8)
def _dither(vocabulary: int, device: torch.device) -> Tensor:
    """What is added to a token's code before its last bits are cut: int16 [V]."""
    generator = torch.Generator().manual_seed(0)
    random = torch.randint(1 << SHIFT, (vocabulary,), generator=generator, dtype=torch.int16)
    return random.to(device)


@lru_cache(maxsize=1)
def edges() -> Array:
    """The difference [BINS] for which a bin stands."""
    found = (np.arange(BINS, dtype="<u2") << SHIFT).view("<f2").astype(np.float64)
    found[INFINITE:] = FARTHEST_HALF
    return found


@lru_cache(maxsize=4)
def table(nodes: int) -> Tensor:
    """Of each bin the terms of its difference: [BINS, 2 + 3 P]."""
    return torch.from_numpy(terms_of(edges(), nodes))

"""The digest of rows over a large vocabulary on a CPU: by a histogram of how far logits lie below.

Each row is passed over a few times only, after the first in numbers of 16 bits: its differences
l0 - l in half precision, whose bits sort as whole numbers do. These are counted in narrow bins, 256
to a factor of two; from the counts follow which tokens are the best, and, as a matrix product over
the bins, the curve of all others. A difference falls into one of the two bins around it by a fixed
random number of its token, so that the bins' edges tell the mean exactly.

What concerns a few hundred tokens of a row is done for some rows at once: behind half a megabyte
that has just gone through the core's memory each call by itself takes several times as long.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from inference.engine.digest_forms import FARTHEST_HALF, NEVER, Form, codes_of
from inference.engine.digest_tail import Array, entropies_of, from_sums, terms_of
from inference.engine.errors import NonFiniteError

SHIFT = 2
"""Bits of a half-precision fraction that a bin does not tell apart: 8 of 10 are left."""
INFINITE = int(np.float16(np.inf).view("u2")) >> SHIFT
"""The bin of differences that half precision cannot say; what lies in it weighs nothing."""
EXCLUDED = NEVER >> SHIFT
"""The bin of tokens that may not be named."""
BINS = EXCLUDED + 2
STRETCH = 32
"""Bins whose counts are summed to find those with which there are enough."""
WIDTH = 1 << 16
"""Columns of a row that are worked out at once, so that they stay near the core."""
PORTION = 16
"""Rows whose best tokens are sorted, and whose counts are turned into curves, at once."""


def form_of_rows(
    logits: Tensor, positions: Array, excluded: list[int], kept: int, nodes: int
) -> Form:
    """From logits [n, V] on a CPU, in any precision. Raises NonFiniteError."""
    scratch = _Scratch(logits.shape[1], excluded, kept)
    places = np.split(positions, range(PORTION, len(positions), PORTION))
    parts = [
        _reduced(rows, at.tolist(), scratch, nodes)
        for rows, at in zip(torch.split(logits, PORTION), places, strict=True)
    ]
    top, apart, tokens, named, far, sums = (
        np.concatenate(part) for part in zip(*parts, strict=True)
    )
    return Form(
        logits.shape[1],
        positions,
        top,
        entropies_of(named, apart, sums[:, :2]).astype("<f4"),
        tokens,
        codes_of(named),
        np.array(excluded, "<u4"),
        apart,
        far.astype("<f4"),
        from_sums(sums[:, 2:].reshape(len(sums), 3, nodes), far),
    )


class _Scratch:
    """What all rows are worked out in: fresh arrays of this size cost pages each time."""

    def __init__(self, vocabulary: int, excluded: list[int], kept: int) -> None:
        self.excluded, self.kept = np.array(excluded, np.int64), kept
        self.below = np.empty(min(WIDTH, vocabulary), "<f4")
        self.bins = np.empty(vocabulary, "<u2")
        self.counted = torch.from_numpy(self.bins.view("<i2"))
        self.counts = np.empty((PORTION, BINS), "<f4")
        self.steps = [self._step(start) for start in range(0, vocabulary, WIDTH)]

    def _step(self, start: int) -> tuple[slice, Array, Tensor, Array, Tensor, Array]:
        bins = self.bins[start : start + WIDTH]
        below, halves = self.below[: len(bins)], torch.from_numpy(bins.view("<f2"))
        columns = slice(start, start + WIDTH)
        return columns, below, torch.from_numpy(below), bins, halves, _pattern()[: len(bins)]

    def fill(self, top: float, row: Array) -> None:
        """Write the bins of the differences to a row's largest logit."""
        largest = np.float32(top)
        for columns, below, exact, bins, halves, pattern in self.steps:
            np.subtract(largest, row[columns], out=below)
            halves.copy_(exact)
            np.add(bins, pattern, out=bins)
            np.right_shift(bins, SHIFT, out=bins)
        self.bins[self.excluded] = EXCLUDED

    def near(self, index: int) -> Array:
        """Ids among which the best tokens are, ascending; keeps the counts of the row's bins."""
        counts = torch.bincount(self.counted, minlength=BINS).numpy()  # it takes such integers
        self.counts[index] = counts
        return (self.bins <= _border(counts[:INFINITE], self.kept)).nonzero()[0]


def _border(counts: Array, kept: int) -> int:
    """The last bin in which one of the best may lie: the next one behind a stretch with which there
    are enough, since whoever lies in that one may have been counted in the next."""
    sums = counts.reshape(-1, STRETCH).sum(axis=1).cumsum()
    stretch = int(sums.searchsorted(kept))
    return STRETCH * (stretch + 1) if stretch < len(sums) else EXCLUDED - 1


def _reduced(
    rows: Tensor, positions: list[int], scratch: _Scratch, nodes: int
) -> tuple[Array, ...]:
    """Of some rows [m, V]: the largest logit, the differences of the excluded tokens [m, x], ids
    and differences of the best ones [m, K], the least difference of the others and their sums."""
    ids, values, top, apart = [], [], [], []
    for index, (row, position) in enumerate(zip(_rows(rows), positions, strict=True)):
        apart.append(row[scratch.excluded])
        top.append(_largest(row, position, scratch.excluded, apart[-1]))
        scratch.fill(top[-1], row)
        ids.append(scratch.near(index))
        values.append(row[ids[-1]])
    largest = np.array(top, "<f4")
    tokens, named = _best(ids, largest, values, scratch.kept)
    below = np.clip(largest[:, None] - np.stack(apart), -FARTHEST_HALF, FARTHEST_HALF)
    first, sums = _tails(scratch.counts[: len(top)], tokens, named, nodes)
    return largest, below, tokens, named, edges()[first], sums


def _rows(logits: Tensor) -> Iterable[Array]:
    """Each row in single precision, converted when it is its turn."""
    if logits.dtype == torch.float32:
        return logits.numpy()
    return (row.float().numpy() for row in logits)


def _largest(row: Array, position: int, excluded: Array, apart: Array) -> float:
    """The largest logit that is not excluded; `apart` are those that are. Raises NonFiniteError."""
    top = float(row.max())  # a number that is none goes before all others
    if not math.isfinite(top):
        raise NonFiniteError(position)
    if top in apart.tolist():
        row = row.copy()
        row[excluded] = -np.inf
        top = float(row.max())
    return top + 0.0  # -0.0 would lie below itself


def _best(ids: list[Array], top: Array, values: list[Array], kept: int) -> tuple[Array, Array]:
    """Ids, ascending, and differences [m, K] of the least differences among those of each row; of
    equals in half precision the lowest ids."""
    sizes = np.array([len(one) for one in ids])
    row = np.arange(len(ids)).repeat(sizes)
    columns, below = np.concatenate(ids), top[row] - np.concatenate(values)
    # whole numbers are sorted several times faster than it is found in which order they are
    keys = row << 48 | _codes(below).astype(np.int64) << 32 | np.arange(len(row))
    order = np.sort(keys) & 0xFFFFFFFF
    chosen = order[(sizes.cumsum() - sizes)[:, None] + np.arange(kept)]
    chosen.sort(axis=1)
    return columns[chosen], below[chosen]


def _codes(below: Array) -> Array:
    """The bits of differences in half precision."""
    with np.errstate(over="ignore"):
        return below.astype("<f2").view("<u2")


def _tails(counts: Array, tokens: Array, named: Array, nodes: int) -> tuple[Array, Array]:
    """Without the named tokens [m, K]: the first bin [m] in which some are, and their sums
    [m, 2 + 3 P] as `terms_of` gives them. The counts [m, BINS] are changed."""
    bins = (_codes(named) + _pattern()[tokens % WIDTH]) >> SHIFT
    cells = bins + BINS * np.arange(len(bins))[:, None]
    np.subtract.at(counts.reshape(-1), cells.reshape(-1), counts.dtype.type(1))
    filled = counts[:, :INFINITE] > 0
    some = np.flatnonzero(filled.any(axis=0))
    span = slice(int(some[0]), int(some[-1]) + 1) if len(some) else slice(0)
    first = np.where(filled.any(axis=1), filled.argmax(axis=1), INFINITE)
    # by torch, whose threads are at hand here: numpy would wake some of its own
    return first, (torch.from_numpy(counts[:, span]).double() @ table(nodes)[span]).numpy()


def bins_of(below: Tensor) -> Tensor:
    """The bins, int16 [..., V], of differences [..., V] in single precision."""
    codes = below.half().view(torch.int16)
    codes.add_(_dither(below.shape[-1], below.device)).__irshift__(SHIFT)
    return codes.clamp_(min=0)  # what is no number, which is told of elsewhere


@lru_cache(maxsize=1)
def _pattern() -> Array:
    """What is added to a token's code before its last bits are cut [WIDTH]; again for the next."""
    return np.random.default_rng(0).integers(0, 1 << SHIFT, WIDTH, "<u2")


@lru_cache(maxsize=8)
def _dither(vocabulary: int, device: torch.device) -> Tensor:
    """The same for every token: int16 [V]."""
    return torch.from_numpy(np.resize(_pattern().view("<i2"), vocabulary)).to(device)


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

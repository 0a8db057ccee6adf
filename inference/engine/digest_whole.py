"""The digest of whole rows over a small vocabulary; numpy alone, so that any thread may make it.

A step of a small model costs a few milliseconds, so what counts here is how often arrays are passed
over and how wide their numbers are. Rows come as half-precision bits, which sort as whole numbers
do: one partition of them with the ids behind finds the named tokens of all rows. The others are
counted in bins of these bits, 64 to a factor of two, a token falling into one of the two around it
by a fixed random number as in `digest_histogram`, and the curve of their tail is a product of the
counts and a fixed table.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from inference.engine.digest_forms import FARTHEST_CODE, KEEP, NEVER, Form
from inference.engine.digest_tail import (
    Array,
    Curve,
    entropies_of,
    from_sums,
    nodes_for,
    terms_of,
)

SHIFT = 4
"""Bits of a code that a bin does not tell apart: 6 of a fraction's 10 are left."""
LAST = int(np.float16(512).view("u2")) >> SHIFT
"""The bin of all differences beyond 512, which weigh nothing."""
PORTION = 32
"""Rows of counts that are turned into curves at once: a product so small wakes no thread."""


def form_of_whole(
    codes: Array,
    positions: Array,
    top_logit: Array,
    excluded: Array,
    apart: Array,
    unit_entropy: Array | None = None,
) -> Form:
    """From the bits [n, V] of l0 - l ≥ 0 in half precision, which are spoilt.

    `excluded` ids [x] are never named and keep their share, for which `apart` [n, x] is their
    l0 - l in single precision.
    """
    codes[:, excluded] = NEVER
    count, vocabulary = codes.shape
    kept = min(KEEP, vocabulary - len(excluded))
    tokens = best_ids(codes, kept)
    places = tokens + vocabulary * np.arange(count)[:, None]
    named = np.minimum(codes.ravel().take(places), FARTHEST_CODE)
    rest = count and vocabulary > kept + len(excluded)
    far, unit, curve = _tails(codes, places, excluded) if rest else _no_tail(count)
    if unit_entropy is None:
        unit_entropy = entropies_of(_differences().take(named), apart, unit)
    return Form(
        vocabulary,
        positions,
        top_logit,
        unit_entropy,
        tokens,
        named,
        np.asarray(excluded, "<u4"),
        apart,
        far,
        curve,
    )


def best_ids(codes: Array, kept: int) -> Array:
    """The ids of each row's least codes [n, K], ascending; of equals the lowest ids."""
    kind, width = ("u4", "u2") if codes.shape[1] <= 1 << 16 else ("u8", "u4")
    ids = np.arange(codes.shape[1], dtype=kind)
    keys = codes.astype(kind) << 8 * ids.itemsize // 2 | ids
    return np.sort(np.partition(keys, kept - 1, axis=1)[:, :kept].astype(width), axis=1)


def _tails(codes: Array, places: Array, excluded: Array) -> tuple[Array, Array, Curve]:
    """Of all that is neither named nor excluded: l0 - m [n] of the best, the sums [n, 2] of w and
    of w x at temperature 1, and the curve."""
    counts, first, far = _counts(codes, places, excluded)
    table = _table(nodes_for(codes.shape[1]))[first : first + counts.shape[1]]
    sums = np.empty((len(counts), table.shape[1]))
    for start in range(0, len(counts), PORTION):
        rows = slice(start, start + PORTION)
        np.matmul(counts[rows].astype(np.float64), table, out=sums[rows])
    return far, sums[:, :2], from_sums(sums[:, 2:].reshape(len(sums), 3, -1), far)


def _counts(codes: Array, places: Array, excluded: Array) -> tuple[Array, int, Array]:
    """How many tokens of each tail lie in each bin [n, B], the first of these bins, and the
    difference [n] at which a row's first token lies."""
    bins = codes + _dither(codes.shape[1])
    bins >>= SHIFT
    bins[:, excluded] = 0
    beyond = int(bins.max()) + 1
    if beyond > LAST + 1:
        beyond = LAST + 1
        np.minimum(bins, LAST, out=bins)
    bins[:, excluded] = beyond
    bins.ravel()[places] = beyond
    nearest = bins.min(axis=1)
    first = int(nearest.min())
    width = beyond + 1 - first
    cells = bins + (width * np.arange(len(bins)) - first)[:, None]
    counts = np.bincount(cells.ravel(), minlength=len(bins) * width).reshape(len(bins), width)
    return counts[:, :-1], first, _edges()[nearest]


def _no_tail(count: int) -> tuple[Array, Array, Curve]:
    return np.zeros(count), np.zeros((count, 2)), Curve.empty(count)


@lru_cache(maxsize=8)
def _dither(vocabulary: int) -> Array:
    """What is added to a token's code before its last bits are cut [V]."""
    return np.random.default_rng(0).integers(0, 1 << SHIFT, vocabulary, "u2")


@lru_cache(maxsize=1)
def _differences() -> Array:
    """l0 - l [32768] of every code, in single precision."""
    return np.arange(1 << 15, dtype="<u2").view("<f2").astype(np.float32)


@lru_cache(maxsize=1)
def _edges() -> Array:
    """The difference [B] for which a bin stands."""
    return _differences()[: (LAST + 1) << SHIFT : 1 << SHIFT].astype(np.float64)


@lru_cache(maxsize=4)
def _table(nodes: int) -> Array:
    return terms_of(_edges(), nodes)

"""The digest of whole rows over a small vocabulary; numpy alone, so that any thread may make it."""

from __future__ import annotations

import numpy as np

from inference.engine.digest_forms import KEEP, Form
from inference.engine.digest_tail import FARTHEST, Array, Curve, from_sums, nodes_for, summed

PORTION = 1 << 16
"""So many numbers at once, that those of each step are still in the processor's cache."""
NEVER = 0xFFFF
"""The code of a token that may not be named: behind that of any other."""


def form_of_whole(
    below: Array,
    codes: Array,
    positions: Array,
    top_logit: Array,
    excluded: Array,
    unit_entropy: Array | None = None,
) -> Form:
    """From l0 - l of all tokens [n, V]: float32, and its bits in half precision, which are spoilt.

    `excluded` ids are never named and keep their share.
    """
    codes[:, excluded] = NEVER
    kept = min(KEEP, codes.shape[1] - len(excluded))
    named = _best(codes, kept)
    tokens = (np.flatnonzero(named) % codes.shape[1]).reshape(len(codes), kept)
    rest = codes.shape[1] > kept + len(excluded)
    far, curve = _tails(below, named, excluded) if rest else _no_tail(len(codes))
    return Form(
        codes.shape[1],
        positions,
        top_logit,
        _unit_entropy(below) if unit_entropy is None else unit_entropy,
        tokens,
        codes[named].reshape(len(codes), kept),
        np.asarray(excluded, "<u4"),
        below[:, excluded],
        far,
        curve,
    )


def _best(codes: Array, kept: int) -> Array:
    """Which tokens [n, V] have the least codes, `kept` of each row; of equals the lowest ids."""
    last = np.partition(codes, kept - 1, axis=1)[:, kept - 1 : kept]
    named = codes <= last
    surplus = named.sum(axis=1) - kept
    for row in np.flatnonzero(surplus):
        equal = np.flatnonzero(codes[row] == last[row])
        named[row, equal[-surplus[row] :]] = False
    return named


def _tails(below: Array, named: Array, excluded: Array) -> tuple[Array, Curve]:
    """l0 - m [n] of the best token that is not named, and the curve of all of those."""
    size = max(1, PORTION // below.shape[1])
    parts = []
    for first in range(0, max(1, len(below)), size):
        rows = np.minimum(below[first : first + size], FARTHEST)
        counted = ~named[first : first + size]
        counted[:, excluded] = False
        far = np.where(counted, rows, np.inf).min(axis=1, initial=np.inf)
        further = np.where(counted, rows - far[:, None], 0)
        sums = summed(further, counted, nodes_for(below.shape[1]), np.vecdot)
        parts.append((far, *(np.stack(column, axis=1) for column in sums)))
    far, *sums = (np.concatenate(column).astype(np.float64) for column in zip(*parts, strict=True))
    return far, from_sums(*sums)


def _no_tail(count: int) -> tuple[Array, Curve]:
    return np.zeros(count), Curve.empty(count)


def _unit_entropy(below: Array) -> Array:
    """The entropy [n] in nats at temperature 1, of all tokens."""
    shifted = below.min(axis=1, keepdims=True, initial=np.inf) - below
    np.maximum(shifted, -FARTHEST, out=shifted)
    weights = np.exp(shifted)
    total = weights.sum(axis=1)
    return np.log(total) - np.vecdot(weights, shifted) / total

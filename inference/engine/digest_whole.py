"""The digest of whole rows over a small vocabulary; numpy alone, so that any thread may make it."""

from __future__ import annotations

import numpy as np

from inference.engine.digest_forms import KEEP, Form
from inference.engine.digest_tail import (
    FARTHEST,
    Array,
    Curve,
    first_nodes,
    from_sums,
    nodes_for,
    weights_of,
)

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
    """From l0 - l of all tokens [n, V]: float32, and its bits in half precision; both are spoilt.

    `excluded` ids are never named and keep their share.
    """
    codes[:, excluded] = NEVER
    vocabulary, kept = codes.shape[1], min(KEEP, codes.shape[1] - len(excluded))
    named = _best(codes, kept)
    places = np.flatnonzero(named)
    entropy = _unit_entropy(below) if unit_entropy is None else unit_entropy
    apart = below[:, excluded]
    below[:, excluded] = FARTHEST
    rest = vocabulary > kept + len(excluded)
    far, curve = _tails(below, named) if rest else _no_tail(len(codes))
    return Form(
        vocabulary,
        positions,
        top_logit,
        entropy,
        (places % vocabulary).reshape(len(codes), kept),
        codes.ravel()[places].reshape(len(codes), kept),
        np.asarray(excluded, "<u4"),
        apart,
        far,
        curve,
    )


def _best(codes: Array, kept: int) -> Array:
    """Which tokens [n, V] have the least codes, `kept` of each row; of equals the lowest ids."""
    last = np.partition(codes, kept - 1, axis=1)[:, kept - 1 : kept]
    named = codes <= last
    surplus = np.count_nonzero(named, axis=1) - kept
    for row in np.flatnonzero(surplus):
        equal = np.flatnonzero(codes[row] == last[row])
        named[row, equal[-surplus[row] :]] = False
    return named


def _tails(below: Array, named: Array) -> tuple[Array, Curve]:
    """l0 - m [n] of the best token that is not named, and the curve of all of those."""
    nodes = nodes_for(below.shape[1])
    far, sums = np.zeros(len(below)), np.zeros((len(below), 3, nodes))
    size = max(1, PORTION // below.shape[1])
    for part in (slice(first, first + size) for first in range(0, len(below), size)):
        rows, counted = np.minimum(below[part], FARTHEST), ~named[part]
        far[part] = np.where(counted, rows, np.inf).min(axis=1)
        powers = np.stack([np.ones_like(rows), rows, rows * rows], axis=1)
        for node, weights in enumerate(weights_of(rows, nodes, np.exp)):
            if node < first_nodes(nodes):
                weights *= counted
            sums[part, :, node] = (powers @ weights[:, :, None])[:, :, 0]
    return far, from_sums(sums, far)


def _no_tail(count: int) -> tuple[Array, Curve]:
    return np.zeros(count), Curve.empty(count)


def _unit_entropy(below: Array) -> Array:
    """The entropy [n] in nats at temperature 1, of all tokens."""
    shifted = below.min(axis=1, keepdims=True, initial=np.inf) - below
    np.maximum(shifted, -FARTHEST, out=shifted)
    weights = np.exp(shifted)
    total = weights.sum(axis=1)
    entropy: Array = np.log(total) - np.vecdot(weights, shifted) / total
    return entropy

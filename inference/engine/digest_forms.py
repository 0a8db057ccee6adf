"""A digest as arrays, and its log-partition function at any temperature; numpy alone.

Of each position the K best tokens are named (their ids, and how far their logits l lie below the
best one's, in half precision), and so are the excluded tokens, which are never candidates and keep
their share. All others together are a curve (`digest_tail`). How these are written stands in
`digest_bytes`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from inference.engine.digest_tail import Array, Curve

KEEP = 128
"""How many tokens of a position are named."""
FARTHEST_HALF = 6e4
"""Differences are held to what half precision can say."""
FARTHEST_CODE = int(np.float16(FARTHEST_HALF).view("u2"))
NEVER = 0x7FFF
"""The code of a token that may not be named: behind that of any other."""


class DigestError(ValueError):
    """Bytes that are no digest of a known version."""


@dataclass(frozen=True)
class Form:
    """What is kept of n positions, row by row in the order of `positions` [n].

    `top_logit` [n] is the largest logit l0 of a token that can be chosen, `unit_entropy` [n] the
    entropy of all tokens at temperature 1 in nats. `tokens` [n, K] are the ids of the best ones,
    ascending, `codes` [n, K] the bits of l0 - l in half precision. `excluded_below` [n, x] is
    l0 - l of the `excluded` ids [x], less than 0 for one that is likelier. `tail_below` [n] is that
    of the best token of the rest, whose weights at other temperatures are those of `curve`.
    """

    vocabulary: int
    positions: Array
    top_logit: Array
    unit_entropy: Array
    tokens: Array
    codes: Array
    excluded: Array
    excluded_below: Array
    tail_below: Array
    curve: Curve

    @cached_property
    def order(self) -> Array:
        """The columns [n, K] of `tokens`, best first; of equals the lowest id."""
        # the bits of floats that are not negative sort as whole numbers do, which is quicker
        return self.codes.argsort(axis=1, kind="stable")

    @cached_property
    def ids(self) -> Array:
        """The best tokens [n, K], best first."""
        return np.take_along_axis(self.tokens, self.order, axis=1)

    @cached_property
    def below(self) -> Array:
        """l0 - l [n, K] of those."""
        return np.take_along_axis(self._below, self.order, axis=1)

    @cached_property
    def _below(self) -> Array:
        return self.codes.view("<f2").astype(np.float64)

    def log_partition(self, beta: float, rows: slice = slice(None)) -> tuple[Array, Array]:
        """log sum exp(beta (l - l0)) [n] over the vocabulary, and its slope [n] in log beta."""
        named = [self._below[rows], self.excluded_below[rows].astype(np.float64)]
        terms = -beta * np.concatenate(named, axis=1)
        slopes = terms
        if self.curve.nodes:
            value, slope = self.curve.at(beta, rows)
            offset = -beta * self.tail_below[rows].astype(np.float64)
            terms = np.concatenate([terms, (value + offset)[:, None]], axis=1)
            slopes = np.concatenate([slopes, (slope + offset)[:, None]], axis=1)
        return _log_sum(terms, slopes)


def codes_of(below: Array) -> Array:
    """The bits of l0 - l ≥ 0 in half precision."""
    return np.minimum(below, FARTHEST_HALF).astype("<f2").view("<u2")


def _log_sum(terms: Array, slopes: Array) -> tuple[Array, Array]:
    """log sum exp(terms) [n], and the slopes' mean [n] by its weights."""
    shift = terms.max(axis=1, keepdims=True)
    weights = np.exp(terms - shift)
    norm = weights.sum(axis=1)
    return np.log(norm) + shift[:, 0], (weights * slopes).sum(axis=1) / norm

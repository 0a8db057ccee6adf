"""The tokens that a digest does not name, as a curve: their log-partition function.

F(b) = log sum exp(b x) over x = l - m, m being the largest of their logits, at the inverse
temperatures b = 2^e, e from -3.5 to 3.5 in equal steps, with its first two derivatives in log b.
Quintic Hermite interpolation in log b tells F and its slope at every temperature from 0.1 to 10.
Sums of tokens in two or three levels are the hardest: their curve bends within a step. With as
many nodes as `nodes_for` gives, entropies stay within 1e-2 nats for them too; random logits are
met to 1e-3. numpy alone.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

EDGE = 3.5
"""The nodes reach from 2^-EDGE to 2^EDGE: 0.088 to 11.3."""
VALUE_STEP, SPREAD_STEP = 1 / 4096, 1 / 32
FARTHEST = 1e4
"""Tokens so far below weigh nothing at any temperature; beyond it products would overflow."""
KINDS = "<u2", "<i2", "u1"
"""The kinds of numbers as which value, slope and spread are kept; their steps and ranges."""
STEPS = np.array([1 / VALUE_STEP, 1 / VALUE_STEP, 1 / SPREAD_STEP], "<f4")[:, None, None]
LEAST, MOST = (
    np.array([getattr(np.iinfo(kind), end) for kind in KINDS], "<f4")[:, None, None]
    for end in ("min", "max")
)
HERMITE = np.array(
    [
        [1, 0, 0, -10, 15, -6],
        [0, 1, 0, -6, 8, -3],
        [0, 0, 0.5, -1.5, 1.5, -0.5],
        [0, 0, 0, 10, -15, 6],
        [0, 0, 0, -4, 7, -3],
        [0, 0, 0, 0.5, -1, 0.5],
    ]
)
"""Coefficients in t of value, slope and curvature at the left node, then at the right one."""


class Curve(NamedTuple):
    """F at the nodes [n, P] in steps of VALUE_STEP (u16), its slope likewise (i16), and the square
    root of b^2 Var x in steps of SPREAD_STEP (u8), from which with the slope the curvature follows.
    """

    value: Array
    slope: Array
    spread: Array

    @property
    def nodes(self) -> int:
        return int(self.value.shape[1])

    @classmethod
    def empty(cls, count: int) -> Curve:
        """For positions whose tokens are all named."""
        return cls(*(np.zeros((count, 0), kind) for kind in ("<u2", "<i2", "u1")))

    def at(self, beta: float, rows: slice) -> tuple[Array, Array]:
        """F [n] and its slope [n] in log beta."""
        step = log_step(self.nodes)
        place = (math.log2(beta) + EDGE) * (self.nodes - 1) / (2 * EDGE)
        left = min(max(int(place), 0), self.nodes - 2)
        powers = (place - left) ** np.arange(6)
        basis = np.stack([HERMITE @ powers, HERMITE[:, 1:] * np.arange(1, 6) @ powers[:5] / step])
        value, slope = basis @ np.concatenate([self._side(rows, left), self._side(rows, left + 1)])
        return value, slope

    def _side(self, rows: slice, node: int) -> Array:
        """Value, slope and curvature [3, n] at a node, by steps between nodes."""
        step = log_step(self.nodes)
        slope = self.slope[rows, node] * VALUE_STEP
        variance = (self.spread[rows, node] * SPREAD_STEP) ** 2
        value = self.value[rows, node] * VALUE_STEP
        return np.stack([value, slope * step, (slope + variance) * step**2])


def nodes_for(vocabulary: int) -> int:
    """How many nodes keep entropies within 1e-2 nats: the more tokens, the sharper a bend."""
    if vocabulary <= 1024:
        return 8
    return 15 if vocabulary <= 1 << 17 else 22


def log_step(nodes: int) -> float:
    """From one node to the next, in log b."""
    return 2 * EDGE / (nodes - 1) * math.log(2)


@lru_cache
def betas(nodes: int) -> Array:
    """The inverse temperatures [P] of the nodes; not to be written to."""
    return np.exp2(np.linspace(-EDGE, EDGE, nodes))


def curve_of(value: Array, mean: Array, variance: Array) -> Curve:
    """The curve through F [n, P], and mean and variance of b x [n, P] under its weights."""
    return _rounded(np.stack([value, mean, variance]))


def _rounded(columns: Array) -> Curve:
    """The same from all three in one array [3, n, P], which is spoilt.

    What lies outside the range of its kind of number weighs nothing and is cut.
    """
    np.sqrt(np.maximum(columns[2], 0.0, out=columns[2]), out=columns[2])
    columns *= STEPS
    np.rint(np.clip(columns, LEAST, MOST, out=columns), out=columns)
    return Curve(*(column.astype(kind) for column, kind in zip(columns, KINDS, strict=True)))


def from_sums(sums: Array, far: Array) -> Curve:
    """The curve of tails from their sums [n, 3, P] of w, w d and w d^2, for w = exp(-b d) and
    d = l0 - l; `far` [n] is the least d of each."""
    total, beta = sums[:, 0], betas(sums.shape[2])
    columns = np.empty((3, *total.shape))
    value, slope, variance = columns
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = sums[:, 1] / total
        np.divide(sums[:, 2], total, out=variance)
        np.log(total, out=value)
    value += beta * far[:, None]
    np.multiply(beta, far[:, None] - mean, out=slope)
    variance -= mean * mean
    variance *= beta**2
    if not total.all():  # of a tail that weighs nothing nothing is known
        columns[:, total == 0] = 0.0
    return _rounded(columns)


def terms_of(far: Array, nodes: int) -> Array:
    """Of differences d = l0 - l [B], of which the last weighs nothing: w and -w d at b = 1, then
    w, w d and w d^2 at the nodes, for w = exp(-b d): [B, 2 + 3 P]."""
    column = far[:, None]
    weights, one = np.exp(-column * betas(nodes)), np.exp(-column)
    terms = [one, -one * column, weights, weights * column, weights * column**2]
    sums = np.concatenate(terms, axis=1)
    sums[-1] = 0.0
    return sums


def entropies_of(named: Array, excluded: Array, unit: Array) -> Array:
    """At temperature 1 in nats [n], from the differences l0 - l of the named tokens [n, K] and of
    the excluded ones [n, x], and the sums [n, 2] of w and of w x over the tail, x = -(l0 - l)."""
    named = np.minimum(named, FARTHEST)
    weights = np.exp(-named)
    norm, mean = weights.sum(axis=1) + unit[:, 0], unit[:, 1] - np.vecdot(weights, named)
    apart = -np.minimum(excluded, FARTHEST).astype(np.float64)
    shift = apart.max(axis=1, initial=0.0)  # of an excluded one that is likelier than all others
    scale, others = np.exp(-shift), np.exp(apart - shift[:, None])
    norm = norm * scale + others.sum(axis=1)
    mean = (mean * scale + np.vecdot(others, apart)) / norm
    entropy: Array = np.log(norm) + shift - mean
    return entropy

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
    return curve_from(np.stack([value, mean, variance]))


def curve_from(columns: Array) -> Curve:
    """The same from all three in one array [3, n, P], which is spoilt.

    What lies outside the range of its kind of number weighs nothing and is cut.
    """
    np.sqrt(np.maximum(columns[2], 0.0, out=columns[2]), out=columns[2])
    np.rint(columns * STEPS, out=columns)
    np.minimum(np.maximum(columns, LEAST, out=columns), MOST, out=columns)
    return Curve(*(column.astype(kind) for column, kind in zip(columns, KINDS, strict=True)))


def first_nodes(nodes: int) -> int:
    """How many nodes there are to a factor of two."""
    return (nodes - 1) // int(2 * EDGE)


def from_sums(sums: Array, far: Array) -> Curve:
    """The curve of tails from their sums [n, 3, P] of w, w d and w d^2, for w = exp(-b d) and
    d = l0 - l; `far` [n] is the least d of each."""
    sums = sums.astype(np.float64)
    total, beta = sums[:, 0], betas(sums.shape[2])
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = sums[:, 1] / total
        value = np.log(total) + beta * far[:, None]
        variance = sums[:, 2] / total - mean**2
    columns = value, beta * (far[:, None] - mean), beta**2 * variance
    # of a tail that weighs nothing nothing is known
    return curve_of(*(np.where(total > 0, column, 0.0) for column in columns))

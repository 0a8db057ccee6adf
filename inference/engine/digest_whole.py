"""The digest of whole rows over a small vocabulary; numpy alone, so that any thread may make it.

A step of a small model costs a few milliseconds, so what counts here is how often arrays are passed
over and how many calls are made: the named tokens of all rows are found by one partition, the sums
of all nodes of the tail's curve by one matrix product.
"""

from __future__ import annotations

import numpy as np

from inference.engine.digest_forms import KEEP, Form
from inference.engine.digest_tail import (
    FARTHEST,
    Array,
    Curve,
    betas,
    curve_from,
    first_nodes,
    nodes_for,
)

PORTION = 1 << 16
"""So many numbers at once, that those of each step are still in the processor's cache."""
NEVER = 0xFFFF
"""The code of a token that may not be named: behind that of any other."""
NOTHING = 20.0
"""A tail whose best token lies this far below the best of all, divided by the temperature, weighs
less than a ten-thousandth of it, however many tokens of a small vocabulary it has."""


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
    count, vocabulary = codes.shape
    kept = min(KEEP, vocabulary - len(excluded))
    named = _best(codes, kept)
    places = np.flatnonzero(named).reshape(count, kept)
    entropy = _unit_entropy(below) if unit_entropy is None else unit_entropy
    apart = below[:, excluded]
    below[:, excluded] = FARTHEST
    rest = vocabulary > kept + len(excluded)
    far, curve = _tails(below, named) if rest else _no_tail(count)
    return Form(
        vocabulary,
        positions,
        top_logit,
        entropy,
        places - vocabulary * np.arange(count)[:, None],
        codes.ravel().take(places),
        np.asarray(excluded, "<u4"),
        apart,
        far,
        curve,
    )


def _best(codes: Array, kept: int) -> Array:
    """Which tokens [n, V] have the least codes, `kept` of each row; of equals the lowest ids."""
    vocabulary = codes.shape[1]
    # no two are equal if the id follows the code in one number
    keys = codes.astype("<u4" if vocabulary <= 1 << 16 else "<u8")
    keys <<= 16 if vocabulary <= 1 << 16 else 32
    keys |= np.arange(vocabulary, dtype=keys.dtype)
    named: Array = keys <= np.partition(keys, kept - 1, axis=1)[:, kept - 1 : kept]
    return named


def _tails(below: Array, named: Array) -> tuple[Array, Curve]:
    """l0 - m [n] of the best token that is not named, and the curve of all of those; spoils
    `below`."""
    np.putmask(below, named, FARTHEST)
    np.minimum(below, FARTHEST, out=below)
    far = below.min(axis=1)
    size = max(1, PORTION // below.shape[1])
    parts = (slice(first, first + size) for first in range(0, len(below) or 1, size))
    curves = [_curve(below[part], far[part]) for part in parts]
    if len(curves) == 1:
        return far, curves[0]
    return far, Curve(*map(np.concatenate, zip(*curves, strict=True)))


def _curve(below: Array, far: Array) -> Curve:
    """The curve of tails from the differences [m, V] and their least [m].

    Nodes at which no tail weighs anything any more are left at 0.
    """
    every = betas(nodes_for(below.shape[1])).astype(below.dtype)
    beta = every[: 1 + int(np.count_nonzero(every * far.min(initial=np.inf) <= NOTHING))]
    powers = np.empty((len(below), 3, below.shape[1]), below.dtype)
    powers[:, 0] = 1.0
    beyond = np.subtract(below, far[:, None], out=powers[:, 1])
    np.square(beyond, out=powers[:, 2])
    weights = _weights(beyond, beta, first_nodes(len(every)))
    total, first, second = (weights @ powers.transpose(0, 2, 1)).transpose(2, 0, 1)
    mean = first / total
    variance = second / total - mean * mean
    columns = np.zeros((3, len(below), len(every)), below.dtype)
    columns[0, :, : len(beta)] = np.log(total)
    columns[1, :, : len(beta)] = -beta * mean
    columns[2, :, : len(beta)] = beta * beta * variance
    return curve_from(columns)


def _weights(beyond: Array, beta: Array, chains: int) -> Array:
    """exp(-b x) [m, P, V] at the inverse temperatures b [P].

    Where one lies a power of two beyond an earlier one its weights are those squared, so that few
    exponentials are computed.
    """
    found = np.empty((len(beyond), len(beta), beyond.shape[1]), beyond.dtype)
    lanes: list[Array] = []
    for node, one in enumerate(beta):
        if node < chains:
            lanes.append(beyond * -one)
            np.exp(lanes[node], out=lanes[node])
        else:
            np.square(lanes[node % chains], out=lanes[node % chains])
        found[:, node] = lanes[node % chains]
    return found


def _no_tail(count: int) -> tuple[Array, Curve]:
    return np.zeros(count), Curve.empty(count)


def _unit_entropy(below: Array) -> Array:
    """The entropy [n] in nats at temperature 1, of all tokens."""
    least = below.min(axis=1, keepdims=True, initial=0.0)  # less than 0 for excluded ones
    beyond = below - least if least.any() else below
    weights = np.exp(-beyond)
    total = weights.sum(axis=1)
    entropy: Array = np.log(total) + np.vecdot(weights, np.minimum(beyond, FARTHEST)) / total
    return entropy

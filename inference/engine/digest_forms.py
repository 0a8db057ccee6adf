"""The two forms of a digest, as bytes and as arrays; numpy alone.

sparse, for any vocabulary: of each position the K best logits, and of all other tokens ("the
tail") only F(b) = log sum exp(b * (l - m)), m being the tail's largest logit, at the inverse
temperatures b = 0.1 * 2^(j/2), j = 0 to 14 (0.1 to 12.8), with its slope in log b. F is smooth, so
cubic Hermite interpolation in log b gives the softmax denominator at any temperature from 0.1 to
10. Little-endian, no padding:

    header  4s magic "UMDG", u8 version, u8 bytes per id (2 or 3), u16 K, u32 n, u32 vocabulary,
            u16 grid points, u16 zero
    u32[n]            positions
    f32[n]            largest logit l0 of each position
    f32[n]            entropy at temperature 1, in nats
    f32[n]            tail's largest logit m
    f32[n, grid]      F
    f32[n, grid]      dF / d log b
    f16[n, K]         l0 - l for the K best tokens, ascending
    u8 [bytes, n, K]  token ids, lowest byte first, one plane for each byte

dense, for small vocabularies, where finding the best tokens costs more than keeping all:

    header  4s magic "UMDD", u8 version, u8 zero, u16 x = excluded ids, u32 n, u32 vocabulary
    u32[x]             excluded ids: never candidates
    u32[n]             positions
    f32[n]             largest logit l0 that is not excluded
    f32[n]             log sum exp(l - l0) over the vocabulary
    f32[n]             entropy at temperature 1, in nats
    f16[n, vocabulary] l0 - l in order of id (below zero for an excluded token that is likelier)

A body that starts with "UMDZ" is one of these, compressed with zlib after those four bytes.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

MAGIC, DENSE_MAGIC, PACKED = b"UMDG", b"UMDD", b"UMDZ"
VERSION = 1
HEADER, DENSE_HEADER = struct.Struct("<4sBBHIIHH"), struct.Struct("<4sBBHII")
KEEP = 128
FARTHEST = 6e4
BETA_MIN, STEP, GRID = 0.1, math.log(2) / 2, 15
Array = NDArray[Any]


class DigestError(ValueError):
    """Bytes that are no digest of a known version."""


class Form(Protocol):
    """What either form can tell of n positions; row order is `positions`."""

    @property
    def vocabulary(self) -> int: ...
    @property
    def positions(self) -> Array: ...
    @property
    def top_logit(self) -> Array: ...
    @property
    def unit_entropy(self) -> Array: ...
    @property
    def ids(self) -> Array: ...
    @property
    def below(self) -> Array: ...
    def log_partition(self, beta: float, rows: slice) -> tuple[Array, Array]: ...


@dataclass(frozen=True)
class Sparse:
    """The arrays of the sparse form: K kept tokens and the tail."""

    vocabulary: int
    positions: Array
    top_logit: Array
    unit_entropy: Array
    tail_top: Array
    tail: Array
    tail_slope: Array
    below: Array
    ids: Array

    def log_partition(self, beta: float, rows: slice) -> tuple[Array, Array]:
        """log sum exp(beta (l - l0)) over the vocabulary, and its slope in log beta."""
        tail, slope = hermite(self.tail[rows], self.tail_slope[rows], beta)
        offset = beta * (self.tail_top[rows] - self.top_logit[rows])
        kept = -beta * self.below[rows]
        terms = np.concatenate([kept, (tail + offset)[:, None]], axis=1)
        slopes = np.concatenate([kept, (slope + offset)[:, None]], axis=1)
        # without a tail its log-partition is -inf: it weighs nothing
        return _log_sum(terms, np.where(np.isfinite(terms), slopes, 0.0))

    def to_bytes(self) -> bytes:
        width = 2 if self.vocabulary <= 1 << 16 else 3
        count, kept = self.ids.shape
        header = HEADER.pack(MAGIC, VERSION, width, kept, count, self.vocabulary, GRID, 0)
        floats = (self.top_logit, self.unit_entropy, self.tail_top, self.tail, self.tail_slope)
        planes = [(self.ids >> (8 * byte) & 255).astype("u1") for byte in range(width)]
        arrays = [
            self.positions.astype("<u4"),
            *(column.astype("<f4") for column in floats),
            self.below.astype("<f2"),
            *planes,
        ]
        return _joined(header, arrays)

    @staticmethod
    def from_bytes(data: bytes) -> Sparse:
        """Raises DigestError for what `to_bytes` did not write."""
        magic, version, width, kept, count, vocabulary, grid, _ = HEADER.unpack_from(data)
        if magic != MAGIC or version != VERSION or width not in (2, 3):
            raise DigestError("unknown magic or version")
        read = _Reader(data, HEADER.size)
        positions = read.take("<u4", (count,))
        top, entropy, tail_top = (read.take("<f4", (count,)) for _ in range(3))
        tail, slope = (read.take("<f4", (count, grid)) for _ in range(2))
        below = read.take("<f2", (count, kept)).astype(np.float64)
        planes = read.take("u1", (width, count, kept)).astype(np.int64)
        ids = np.asarray(sum(planes[byte] << (8 * byte) for byte in range(width)))
        return Sparse(vocabulary, positions, top, entropy, tail_top, tail, slope, below, ids)


@dataclass(frozen=True)
class Dense:
    """The arrays of the dense form: all differences, in order of id."""

    vocabulary: int
    excluded: Array
    positions: Array
    top_logit: Array
    unit_norm: Array
    unit_entropy: Array
    differences: Array

    @cached_property
    def ids(self) -> Array:
        """The best tokens [n, K], best first; of equals (in half precision) the lowest id."""
        # the bits of floats that are not negative sort as whole numbers do, which is quicker
        bits = self.differences.view("<u2").copy()
        bits[self.differences <= 0] = 0
        bits[:, self.excluded] = 0xFFFF
        kept = min(KEEP, self.vocabulary - len(self.excluded))
        return bits.argsort(axis=1, kind="stable")[:, :kept]

    @cached_property
    def below(self) -> Array:
        """l0 - l [n, K] of those."""
        return np.take_along_axis(self.differences, self.ids, axis=1).astype(np.float64)

    def log_partition(self, beta: float, rows: slice) -> tuple[Array, Array]:
        """log sum exp(beta (l - l0)) over the vocabulary, and its slope in log beta."""
        if beta == 1.0:
            norm = self.unit_norm[rows].astype(np.float64)
            return norm, norm - self.unit_entropy[rows]
        terms = self.differences[rows].astype(np.float32) * np.float32(-beta)
        return _log_sum(terms, terms)

    @staticmethod
    def from_bytes(data: bytes) -> Dense:
        """Raises DigestError for what `dense_bytes` did not write."""
        _, version, _, excluded, count, vocabulary = DENSE_HEADER.unpack_from(data)
        if version != VERSION:
            raise DigestError("unknown version")
        read = _Reader(data, DENSE_HEADER.size)
        never, positions = read.take("<u4", (excluded,)), read.take("<u4", (count,))
        if excluded and never.max() >= vocabulary:
            raise DigestError("an excluded id lies outside the vocabulary")
        top, norm, entropy = (read.take("<f4", (count,)) for _ in range(3))
        differences = read.take("<f2", (count, vocabulary))
        return Dense(vocabulary, never, positions, top, norm, entropy, differences)

    def sparse(self) -> Sparse:
        """The same in the sparse form."""
        tail = -self.differences.astype(np.float64)
        np.put_along_axis(tail, self.ids, -np.inf, axis=1)
        top = tail.max(axis=1, initial=-np.inf)
        tail -= np.where(np.isfinite(top), top, 0.0)[:, None]
        finite = np.maximum(tail, -1e4)
        betas = BETA_MIN * np.exp(STEP * np.arange(GRID))
        weights = [np.where(np.isfinite(tail), np.exp(finite * beta), 0.0) for beta in betas]
        norm = np.stack([one.sum(axis=1) for one in weights], axis=1)
        sums = np.stack([(one * finite).sum(axis=1) for one in weights], axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            curve, slope = np.log(norm), np.nan_to_num(sums / norm * betas)
        return Sparse(
            self.vocabulary,
            self.positions,
            self.top_logit,
            self.unit_entropy,
            self.top_logit + top,
            curve,
            slope,
            self.below,
            self.ids,
        )


def dense_bytes(excluded: Sequence[int], positions: Sequence[int], columns: list[Array]) -> bytes:
    """A dense form's bytes from its four last columns, contiguous float32 and float16 arrays.

    No form is built for it: with small arrays each of its conversions would be felt.
    """
    counts = len(excluded), len(positions)
    header = DENSE_HEADER.pack(DENSE_MAGIC, VERSION, 0, *counts, columns[-1].shape[1])
    whole = struct.pack(f"<{sum(counts)}I", *excluded, *positions)
    return b"".join([header, whole, *(column.data for column in columns)])


def form_of(data: bytes) -> Form:
    """The arrays in a digest's bytes. Raises DigestError for anything else."""
    try:
        plain = zlib.decompress(data[4:]) if data[:4] == PACKED else data
        return Dense.from_bytes(plain) if plain[:4] == DENSE_MAGIC else Sparse.from_bytes(plain)
    except (struct.error, ValueError, zlib.error) as error:
        raise DigestError(f"Not a digest: {error}") from None


def sparse_bytes(data: bytes) -> bytes:
    """A digest's plain sparse form, whichever it has: what programs outside read."""
    form = form_of(data)
    if isinstance(form, Dense):
        return form.sparse().to_bytes()
    return zlib.decompress(data[4:]) if data[:4] == PACKED else data


def sparse_form(columns: Sequence[Array], positions: Sequence[int], vocabulary: int) -> Sparse:
    """From ids, logits [n, K], entropy, and the tail's maximum, curve and slope."""
    ids, values, entropy, top, curve, slope = columns
    below = np.minimum(values[:, :1] - values, FARTHEST)
    where = np.asarray(positions, "<u4")
    return Sparse(vocabulary, where, values[:, 0], entropy, top, curve, slope, below, ids)


def hermite(values: Array, slopes: Array, beta: float) -> tuple[Array, Array]:
    """Value [n] and slope [n] in log beta at beta, from the grid's [n, GRID]."""
    last = values.shape[1] - 1
    place = min(max(math.log(beta / BETA_MIN) / STEP, 0.0), float(last))
    left = min(int(place), last - 1)
    t = place - left
    y0, y1 = values[:, left].astype(np.float64), values[:, left + 1].astype(np.float64)
    d0, d1 = slopes[:, left] * STEP, slopes[:, left + 1] * STEP
    # without a tail the values are minus infinity, whose differences are no numbers
    with np.errstate(invalid="ignore"):
        rise = y1 - y0
        curve, twist = 3 * rise - 2 * d0 - d1, d0 + d1 - 2 * rise
        value = y0 + t * (d0 + t * (curve + t * twist))
        slope = (d0 + t * (2 * curve + 3 * t * twist)) / STEP
    return np.where(np.isnan(value), -np.inf, value), np.nan_to_num(slope, neginf=0.0)


def _joined(header: bytes, arrays: Sequence[Array]) -> bytes:
    """Header and arrays in one copy."""
    return b"".join([header, *(np.ascontiguousarray(array).data for array in arrays)])


def _log_sum(terms: Array, slopes: Array) -> tuple[Array, Array]:
    """log sum exp(terms) [n], and the slopes' mean [n] by its weights."""
    shift = terms.max(axis=1, keepdims=True)
    weights = np.exp(terms - shift)
    norm = weights.sum(axis=1, dtype=np.float64)
    return np.log(norm) + shift[:, 0], (weights * slopes).sum(axis=1, dtype=np.float64) / norm


class _Reader:
    """Takes arrays off a buffer in turn."""

    def __init__(self, data: bytes, offset: int) -> None:
        self.data, self.offset = data, offset

    def take(self, kind: str, shape: tuple[int, ...]) -> Array:
        count = int(np.prod(shape))
        array = np.frombuffer(self.data, kind, count, self.offset).reshape(shape)
        self.offset += array.nbytes
        return array

"""Reading a digest with numpy alone: candidates, confidence and entropy at any settings.

A digest keeps, for each position, the K best logits and of all other tokens ("the tail") only
F(b) = log sum exp(b * (l - m)), m being the tail's largest logit, at the inverse temperatures
b = 0.1 * 2^(j/2), j = 0 to 14 (0.1 to 12.8), with its slope in log b. F is smooth, so cubic Hermite
interpolation in log b gives the softmax denominator at any temperature from 0.1 to 10.

Layout, little-endian, no padding:

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

A body that starts with "UMDZ" is the same, compressed with zlib after those four bytes.
"""

from __future__ import annotations

import math
import struct
import zlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

MAGIC, PACKED = b"UMDG", b"UMDZ"
VERSION = 1
HEADER = struct.Struct("<4sBBHIIHH")
BETA_MIN, STEP, GRID = 0.1, math.log(2) / 2, 15
Array = NDArray[Any]


class DigestError(ValueError):
    """Bytes that are no digest of a known version."""


class ShownSettings(Protocol):
    """What of the settings decides over the shown candidates (processing.Settings has it)."""

    @property
    def softmax_temperature(self) -> float: ...
    @property
    def actual_top_k(self) -> int: ...
    @property
    def top_p(self) -> float: ...


@dataclass(frozen=True)
class Candidate:
    """One token of a position with its rank; probability over the whole vocabulary."""

    token_id: int
    logit: float
    prob: float
    rank: int
    is_in_actual: bool


@dataclass(frozen=True)
class DigestView:
    """The arrays of a digest; n positions, K kept tokens. Row order is `positions`."""

    vocabulary: int
    positions: Array
    top_logit: Array
    unit_entropy: Array
    tail_top: Array
    tail: Array
    tail_slope: Array
    below: Array
    ids: Array

    @classmethod
    def from_bytes(cls, data: bytes) -> DigestView:
        """Raises DigestError for anything that `digest.encode` did not write."""
        try:
            return _decode(unpacked(bytes(data)))
        except (struct.error, ValueError, zlib.error) as error:
            raise DigestError(f"Not a digest: {error}") from None

    @cached_property
    def row_of(self) -> dict[int, int]:
        """Position → row."""
        return {int(position): row for row, position in enumerate(self.positions)}

    def candidates(self, position: int, settings: ShownSettings, k: int = 20) -> list[Candidate]:
        """The k ≤ K best tokens of a position. Raises KeyError for one that was not open."""
        row = self.row_of[position]
        k = min(k, self.ids.shape[1])
        probs = self.probabilities(settings.softmax_temperature, row)[:k]
        logits = self.top_logit[row] - self.below[row, :k]
        rank = np.arange(k)
        before = np.cumsum(probs) - probs
        inside = (before < settings.top_p) & (rank < settings.actual_top_k) | (rank == 0)
        columns = zip(self.ids[row, :k], logits, probs, rank, inside, strict=True)
        return [Candidate(int(i), float(x), float(p), int(r), bool(w)) for i, x, p, r, w in columns]

    def probabilities(self, temperature: float, row: int | None = None) -> Array:
        """Probabilities [n, K] (or [K] of one row) of the kept tokens at a temperature 0.1–10."""
        rows = slice(None) if row is None else slice(row, row + 1)
        total, _ = self._log_partition(1.0 / temperature, rows)
        probs = np.exp(-self.below[rows] / temperature - total[:, None])
        return probs if row is None else probs[0]

    def p1(self, settings: ShownSettings | None = None) -> Array:
        """The probability [n] of the best token at the settings' temperature (default 1)."""
        temperature = settings.softmax_temperature if settings else 1.0
        return self.probabilities(temperature)[:, 0]

    def entropy(self, temperature: float = 1.0) -> Array:
        """The entropy [n] in nats of the whole distribution at a temperature."""
        if temperature == 1.0:
            return self.unit_entropy.copy()
        total, slope = self._log_partition(1.0 / temperature, slice(None))
        return total - slope

    def _log_partition(self, beta: float, rows: slice) -> tuple[Array, Array]:
        """log sum exp(beta (l - l0)) over the vocabulary, and its slope in log beta."""
        tail, slope = hermite(self.tail[rows], self.tail_slope[rows], beta)
        offset = beta * (self.tail_top[rows] - self.top_logit[rows])
        kept = -beta * self.below[rows]
        terms = np.concatenate([kept, (tail + offset)[:, None]], axis=1)
        slopes = np.concatenate([kept, (slope + offset)[:, None]], axis=1)
        # without a tail its log-partition is -inf: it weighs nothing
        slopes = np.where(np.isfinite(terms), slopes, 0.0)
        shift = terms.max(axis=1, keepdims=True)
        weights = np.exp(terms - shift)
        norm = weights.sum(axis=1)
        return np.log(norm) + shift[:, 0], (weights * slopes).sum(axis=1) / norm


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


def unpacked(data: bytes) -> bytes:
    """The plain form of a digest, compressed or not."""
    return zlib.decompress(data[4:]) if data[:4] == PACKED else data


def _decode(data: bytes) -> DigestView:
    magic, version, width, kept, count, vocabulary, grid, _ = HEADER.unpack_from(data)
    if magic != MAGIC or version != VERSION or width not in (2, 3):
        raise DigestError("unknown magic or version")
    read = _Reader(data, HEADER.size)
    positions = read.take("<u4", (count,))
    top, entropy, tail_top = (read.take("<f4", (count,)) for _ in range(3))
    tail, slope = (read.take("<f4", (count, grid)) for _ in range(2))
    below = read.take("<f2", (count, kept)).astype(np.float64)
    planes = read.take("u1", (width, count, kept)).astype(np.int64)
    ids = sum(planes[byte] << (8 * byte) for byte in range(width))
    return DigestView(
        vocabulary, positions, top, entropy, tail_top, tail, slope, below, np.asarray(ids)
    )


class _Reader:
    """Takes arrays off a buffer in turn."""

    def __init__(self, data: bytes, offset: int) -> None:
        self.data, self.offset = data, offset

    def take(self, kind: str, shape: tuple[int, ...]) -> Array:
        count = int(np.prod(shape))
        array = np.frombuffer(self.data, kind, count, self.offset).reshape(shape)
        self.offset += array.nbytes
        return array

"""Reading the rows that the digest's first version wrote; numpy alone.

Magic "UMDG" with version 1 (sparse): K best tokens, and F of all others with its slope in log b at
b = 0.1 * 2^(j/2), j = 0 to 14; excluded ids are among the others:

    header  4s magic, u8 version, u8 bytes per id (2 or 3), u16 K, u32 n, u32 vocabulary,
            u16 grid points, u16 zero
    u32[n] positions, f32[n] largest logit l0, f32[n] entropy at temperature 1, f32[n] tail's
    largest logit m, f32[n, grid] F, f32[n, grid] slope, f16[n, K] l0 - l ascending,
    u8[bytes, n, K] token ids, lowest byte first

"UMDD" (dense): all tokens:

    header  4s magic, u8 version, u8 zero, u16 x = excluded ids, u32 n, u32 vocabulary
    u32[x] excluded ids, u32[n] positions, f32[n] largest logit l0 that is not excluded,
    f32[n] log sum exp(l - l0), f32[n] entropy at temperature 1, f16[n, vocabulary] l0 - l

"UMDZ": one of these, compressed with zlib after those four bytes.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Callable

import numpy as np

from inference.engine.digest_forms import DigestError, Form, codes_of
from inference.engine.digest_tail import FARTHEST, Array, betas, curve_of, nodes_for
from inference.engine.digest_whole import form_of_whole

SPARSE, DENSE, PACKED = b"UMDG", b"UMDD", b"UMDZ"
SPARSE_HEADER, DENSE_HEADER = struct.Struct("<4sBBHIIHH"), struct.Struct("<4sBBHII")
BETA_MIN, STEP = 0.1, math.log(2) / 2


def form_of(data: bytes) -> Form:
    """The arrays of an old row as today's form. Raises DigestError, ValueError, struct.error."""
    plain = zlib.decompress(data[4:]) if data[:4] == PACKED else data
    if plain[:4] not in (SPARSE, DENSE) or plain[4] != 1:
        raise DigestError("unknown magic or version")
    return _dense(plain) if plain[:4] == DENSE else _sparse(plain)


def _dense(data: bytes) -> Form:
    *_, excluded, count, vocabulary = DENSE_HEADER.unpack_from(data)
    take = _taker(data, DENSE_HEADER.size)
    never, positions = take("<u4", (excluded,)), take("<u4", (count,))
    if excluded and never.max() >= vocabulary:
        raise DigestError("an excluded id lies outside the vocabulary")
    top, _, entropy = (take("<f4", (count,)) for _ in range(3))
    below = take("<f2", (count, vocabulary))
    apart = below[:, never].astype(np.float32)
    return form_of_whole(below.view("<u2") & 0x7FFF, positions, top, never, apart, entropy)


def _sparse(data: bytes) -> Form:
    _, _, width, kept, count, vocabulary, grid, _ = SPARSE_HEADER.unpack_from(data)
    if width not in (2, 3):
        raise DigestError("ids of an unknown width")
    take = _taker(data, SPARSE_HEADER.size)
    positions = take("<u4", (count,))
    top, entropy, tail_top = (take("<f4", (count,)) for _ in range(3))
    values, slopes = take("<f4", (count, grid)), take("<f4", (count, grid))
    below = take("<f2", (count, kept)).astype(np.float64)
    planes = take("u1", (width, count, kept)).astype(np.int64)
    ids = np.asarray(sum(planes[byte] << (8 * byte) for byte in range(width)))
    order = ids.argsort(axis=1)
    some = np.isfinite(tail_top)  # without a tail its logits are minus infinity
    values = np.where(some[:, None], values, 0.0)
    nodes = [_hermite(values, slopes, beta) for beta in betas(nodes_for(vocabulary))]
    return Form(
        vocabulary,
        positions,
        top,
        entropy,
        np.take_along_axis(ids, order, axis=1),
        codes_of(np.take_along_axis(below, order, axis=1)),
        np.zeros(0, "<u4"),
        np.zeros((count, 0), "<f4"),
        np.where(some, top - np.where(some, tail_top, 0.0), FARTHEST),
        curve_of(*(np.stack(column, axis=1) for column in zip(*nodes, strict=True))),
    )


def _hermite(values: Array, slopes: Array, beta: float) -> tuple[Array, Array, Array]:
    """F, its slope and the variance that is left of its curvature [n] at beta, by the cubic
    between two points of the grid [n, grid], which also leads a little beyond its ends."""
    place = math.log(beta / BETA_MIN) / STEP
    left = min(max(int(place), 0), values.shape[1] - 2)
    t = place - left
    y0, y1 = (values[:, left + side].astype(np.float64) for side in (0, 1))
    d0, d1 = (np.nan_to_num(slopes[:, left + side]) * STEP for side in (0, 1))
    rise = y1 - y0
    curve, twist = 3 * rise - 2 * d0 - d1, d0 + d1 - 2 * rise
    value = y0 + t * (d0 + t * (curve + t * twist))
    slope = (d0 + t * (2 * curve + 3 * t * twist)) / STEP
    return value, slope, (2 * curve + 6 * t * twist) / STEP**2 - slope


def _taker(data: bytes, offset: int) -> Callable[[str, tuple[int, ...]], Array]:
    """What takes arrays off a buffer in turn."""

    def take(kind: str, shape: tuple[int, ...]) -> Array:
        nonlocal offset
        array = np.frombuffer(data, kind, math.prod(shape), offset).reshape(shape)
        offset += array.nbytes
        return array

    return take

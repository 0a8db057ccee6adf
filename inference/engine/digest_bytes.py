"""A digest as bytes, version 2; `digest_reader` reads them.

Little-endian. A header of 20 bytes:

    4s magic "UMDG", u8 version = 2, u8 P = nodes of the curve, u16 K, u32 n, u32 vocabulary V,
    u16 x = excluded ids, u16 coding of the last part: 0 = zlib, 1 = none, 2 = zlib without numbers

then, raw, what no coding makes shorter: u8[n, K], the low bytes of the codes, and, where V > 2048,
u8[n, K], those of the differences of ids; after them, as one zlib stream unless the header says
that it is not coded (in this order; "planes" of a number are its bytes, the lowest first, one array
each):

    u32[x]       excluded ids, planes
    u32[n]       positions, each less the one before it, planes
    f32[n]       largest logit l0, planes
    f32[n]       entropy at temperature 1 in nats, planes
    f32[n, x]    l0 - l of the excluded ids, planes
    f32[n]       l0 - m, m being the largest logit of the tail, planes
    u16[P, n]    value of the curve in 1/4096, second differences along the nodes, planes
    u16[P, n]    its slope in 1/4096, second differences along the nodes, planes
    u8 [P, n]    square root of b^2 Var x in 1/32, differences along the nodes
    token ids:   bits [V, ceil(n/8) bytes], the highest bit of a byte first, where V ≤ 2048, else
                 the two higher bytes of u24[n, K], each id less the one before it, planes
    u8 [n, K]    high bytes of the codes

Differences are modulo the number's range. Codes are the half-precision bits of l0 - l; tokens of a
row ascend, and equal ones are best first in that order.

With coding 2, which small vocabularies have, all that stands before the token ids is not coded: the
same arrays as they are, neither differences nor planes, and behind them the zlib stream of the ids
and the high bytes, of which these are stored, not coded: a forward of a small model is so short
that coding more would be felt.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from inference.engine.digest_forms import Form
from inference.engine.digest_tail import Array

MAGIC, VERSION = b"UMDG", 2
HEADER = struct.Struct("<4sBBHIIHH")
BITMAP = 2048
"""Up to this vocabulary ids are a bitmap: neighbouring positions name much the same tokens."""
ZLIB_HEADER = b"\x78\x01"
"""Of a stream with the largest window (RFC 1950)."""
ALL_CODED, PLAIN, IDS_CODED = 0, 1, 2
BITS = np.array([128, 64, 32, 16, 8, 4, 2, 1], "u1")[:, None]
"""What the bits of a byte stand for, the highest first."""


def pack(form: Form, coded: bool = True) -> bytes:
    """The bytes of a form. Those of a row or two are hardly shorter for being coded."""
    count, kept = form.codes.shape
    coding = (IDS_CODED if form.vocabulary <= BITMAP else ALL_CODED) if coded else PLAIN
    sizes = form.curve.nodes, kept, count, form.vocabulary, len(form.excluded), coding
    low, ids = form.codes.astype("u1").tobytes(), _ids(form)
    groups = ids[1], (form.codes >> 8).astype("u1").tobytes()
    last = _CODINGS[coding](form, groups)
    return b"".join([HEADER.pack(MAGIC, VERSION, *sizes), low, ids[0], *last])


def _coded(*groups: bytes) -> Iterator[bytes]:
    """One zlib stream in which each group has its own code table: what is likely differs."""
    coder = zlib.compressobj(1, zlib.DEFLATED, zlib.MAX_WBITS, zlib.DEF_MEM_LEVEL + 1, zlib.Z_RLE)
    yield coder.compress(groups[0])
    for group in groups[1:]:
        yield coder.flush(zlib.Z_BLOCK)
        yield coder.compress(group)
    yield coder.flush()


def _stored(coded: bytes, plain: bytes) -> Iterator[bytes]:
    """One zlib stream of both, the second as it is."""
    coder = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS, zlib.DEF_MEM_LEVEL + 1, zlib.Z_RLE)
    copier = zlib.compressobj(0, zlib.DEFLATED, -zlib.MAX_WBITS)
    yield ZLIB_HEADER + coder.compress(coded) + coder.flush(zlib.Z_FULL_FLUSH)
    yield copier.compress(plain) + copier.flush()
    yield zlib.adler32(plain, zlib.adler32(coded)).to_bytes(4, "big")


_CODINGS: dict[int, Callable[[Form, tuple[bytes, bytes]], Iterable[bytes]]] = {
    ALL_CODED: lambda form, groups: _coded(_numbers(form), *groups),
    PLAIN: lambda form, groups: (_numbers(form), *groups),
    IDS_CODED: lambda form, groups: (*_arrays(form), *_stored(*groups)),
}


def _arrays(form: Form) -> Iterator[bytes]:
    """The numbers of a form as they are."""
    whole = form.excluded, form.positions
    floats = form.top_logit, form.unit_entropy, form.excluded_below, form.tail_below
    curve = form.curve
    yield from (np.asarray(column, "<u4").tobytes() for column in whole)
    yield from (np.asarray(column, "<f4").tobytes() for column in floats)
    yield from (nodes.T.tobytes() for nodes in (curve.value, curve.slope, curve.spread))


def _numbers(form: Form) -> bytes:
    floats = (form.top_logit, form.unit_entropy, form.excluded_below, form.tail_below)
    curve = form.curve
    return b"".join(
        [
            _planes(form.excluded.astype("<u4")),
            _planes(_steps(form.positions.astype("<u4"))),
            *(_planes(column.astype("<f4").view("<u4")) for column in floats),
            _planes(_steps(_steps(curve.value.T))),
            _planes(_steps(_steps(curve.slope.T.view("<u2")))),
            _steps(curve.spread.T).tobytes(),
        ]
    )


def _ids(form: Form) -> tuple[bytes, bytes]:
    """What of the ids is not worth coding, and the rest."""
    if form.vocabulary <= BITMAP:
        return b"", _bits(form.tokens, form.vocabulary)
    planes, size = _planes(np.diff(form.tokens, axis=1, prepend=0).astype("<u4")), form.tokens.size
    return planes[:size], planes[size : 3 * size]


def _bits(tokens: Array, vocabulary: int) -> bytes:
    """A row of bits for each token: which positions name it."""
    count, width = len(tokens), -(-len(tokens) // 8)
    named = np.zeros((8 * width, vocabulary), "u1")
    named.ravel()[tokens + vocabulary * np.arange(count)[:, None]] = 1
    bits: Array = (named.reshape(width, 8, vocabulary) * BITS).sum(axis=1, dtype="u1")
    return bits.T.tobytes()


def _planes(values: Array) -> bytes:
    """The bytes of whole numbers, the lowest ones of all first."""
    flat = np.ascontiguousarray(values).view("u1").reshape(-1, values.itemsize)
    return flat.T.tobytes()


def _steps(values: Array) -> Array:
    """Each row less the one before it."""
    steps = values.copy()
    steps[1:] -= values[:-1]
    return steps

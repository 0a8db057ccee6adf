"""A digest as bytes: version 2, and through `digest_v1` the rows that older versions wrote.

Little-endian. A header of 20 bytes:

    4s magic "UMDG", u8 version = 2, u8 P = nodes of the curve, u16 K, u32 n, u32 vocabulary V,
    u16 x = excluded ids, u16 coding of the last part: 0 = zlib, 1 = none

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
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

import numpy as np

from inference.engine import digest_v1
from inference.engine.digest_forms import DigestError, Form
from inference.engine.digest_tail import Array, Curve

MAGIC, VERSION = b"UMDG", 2
HEADER = struct.Struct("<4sBBHIIHH")
BITMAP = 2048
"""Up to this vocabulary ids are a bitmap: neighbouring positions name much the same tokens."""


def pack(form: Form, coded: bool = True) -> bytes:
    """The bytes of a form. Those of a row or two are hardly shorter for being coded."""
    count, kept = form.codes.shape
    sizes = form.curve.nodes, kept, count, form.vocabulary, len(form.excluded), int(not coded)
    low, ids = (form.codes & 255).astype("u1").tobytes(), _ids(form)
    groups = _numbers(form), ids[1], (form.codes >> 8).astype("u1").tobytes()
    parts = [HEADER.pack(MAGIC, VERSION, *sizes), low, ids[0]]
    return b"".join([*parts, *(_coded(groups) if coded else groups)])


def _coded(groups: tuple[bytes, ...]) -> Iterator[bytes]:
    """One zlib stream in which each group has its own code table: what is likely differs."""
    coder = zlib.compressobj(1, zlib.DEFLATED, zlib.MAX_WBITS, zlib.DEF_MEM_LEVEL + 1, zlib.Z_RLE)
    for group in groups:
        yield coder.compress(group)
        yield coder.flush(zlib.Z_BLOCK)
    yield coder.flush()


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
        named = np.zeros((form.vocabulary, len(form.tokens)), bool)
        named[form.tokens, np.arange(len(form.tokens))[:, None]] = True
        return b"", np.packbits(named, axis=1).tobytes()
    planes, size = _planes(np.diff(form.tokens, axis=1, prepend=0).astype("<u4")), form.tokens.size
    return planes[:size], planes[size : 3 * size]


def _planes(values: Array) -> bytes:
    """The bytes of whole numbers, the lowest ones of all first."""
    flat = np.ascontiguousarray(values).view("u1").reshape(-1, values.itemsize)
    return flat.T.tobytes()


def _steps(values: Array) -> Array:
    """Each row less the one before it."""
    steps = values.copy()
    steps[1:] -= values[:-1]
    return steps


def form_of(data: bytes) -> Form:
    """The arrays in a digest's bytes, whichever version. Raises DigestError for anything else."""
    try:
        if data[:4] == MAGIC and data[4] == VERSION:
            return _read(data)
        return digest_v1.form_of(data)
    except (struct.error, ValueError, IndexError, zlib.error) as error:
        raise DigestError(f"Not a digest: {error}") from None


def current(data: bytes) -> bytes:
    """A digest's bytes in this version, whichever it has: what the browser reads."""
    form = form_of(data)
    return data if data[4] == VERSION else pack(form)


def _read(data: bytes) -> Form:
    _, _, nodes, kept, count, vocabulary, excluded, coding = HEADER.unpack_from(data)
    planes = 1 if vocabulary <= BITMAP else 2
    raw = planes * count * kept
    if kept > vocabulary or HEADER.size + raw > len(data):
        raise DigestError("it is cut short")
    low = np.frombuffer(data, "u1", raw, HEADER.size).reshape(planes, count, kept)
    size = _size(nodes, kept, count, vocabulary, excluded)
    take = _Reader(_decoded(data[HEADER.size + raw :], coding, size))
    never, positions = take.planes(4, excluded), np.cumsum(take.planes(4, count), dtype="<u4")
    if excluded and never.max() >= vocabulary:
        raise DigestError("an excluded id lies outside the vocabulary")
    top, entropy = take.floats(count), take.floats(count)
    barred, tail = take.floats(count * excluded).reshape(count, excluded), take.floats(count)
    curve = _curve(take, nodes, count)
    tokens = _tokens(take, low[1:], vocabulary, kept, count)
    codes = low[0] | take.bytes(count * kept).astype("<u2").reshape(count, kept) << 8
    return Form(vocabulary, positions, top, entropy, tokens, codes, never, barred, tail, curve)


def _size(nodes: int, kept: int, count: int, vocabulary: int, excluded: int) -> int:
    """How many bytes the last part has before it is coded."""
    ids = vocabulary * -(-count // 8) if vocabulary <= BITMAP else 2 * count * kept
    numbers = 4 * (excluded + count * (4 + excluded)) + 5 * nodes * count
    return numbers + ids + count * kept


def _decoded(data: bytes, coding: int, size: int) -> bytes:
    if coding not in (0, 1):
        raise DigestError("an unknown coding")
    reader = zlib.decompressobj()
    plain = data if coding else reader.decompress(data, size + 1)
    if len(plain) != size or not (coding or reader.eof):
        raise DigestError("it is cut short or longer than it says")
    return plain


def _curve(take: _Reader, nodes: int, count: int) -> Curve:
    def twice(width: int) -> Array:
        steps = take.planes(width, nodes * count).reshape(nodes, count)
        return np.cumsum(np.cumsum(steps, 0, dtype="<u2"), 0, dtype="<u2").T

    value, slope = twice(2), twice(2).view("<i2")
    spread = np.cumsum(take.bytes(nodes * count).reshape(nodes, count), 0, dtype="u1")
    return Curve(value, slope, spread.T)


def _tokens(take: _Reader, low: Array, vocabulary: int, kept: int, count: int) -> Array:
    if vocabulary > BITMAP:
        high = take.planes(2, count * kept).reshape(count, kept).astype(np.int64)
        tokens: Array = (low[0] | high << 8).cumsum(axis=1)
        if tokens.size and tokens.max() >= vocabulary:
            raise DigestError("an id lies outside the vocabulary")
        return tokens
    width = -(-count // 8)
    bits = take.bytes(vocabulary * width).reshape(vocabulary, width)
    named = np.unpackbits(bits, axis=1, count=count) if count else bits
    return named.T.nonzero()[1].reshape(count, kept)


class _Reader:
    """Takes arrays off bytes in turn."""

    def __init__(self, data: bytes) -> None:
        self.data, self.offset = data, 0

    def bytes(self, size: int) -> Array:
        found = np.frombuffer(self.data, "u1", size, self.offset)
        self.offset += size
        return found

    def planes(self, width: int, size: int) -> Array:
        """Whole numbers of `width` bytes."""
        number = np.zeros(size, "<u4" if width > 2 else "<u2")
        for byte, plane in enumerate(self.bytes(width * size).reshape(width, size)):
            number |= plane.astype(number.dtype) << (8 * byte)
        return number

    def floats(self, size: int) -> Array:
        return self.planes(4, size).view("<f4")

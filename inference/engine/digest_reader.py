"""Reading a digest's bytes: those of `digest_bytes`, and through `digest_v1` older rows."""

from __future__ import annotations

import struct
import zlib

import numpy as np

from inference.engine import digest_v1
from inference.engine.digest_bytes import (
    ALL_CODED,
    BITMAP,
    HEADER,
    IDS_CODED,
    MAGIC,
    PLAIN,
    VERSION,
    pack,
)
from inference.engine.digest_forms import DigestError, Form
from inference.engine.digest_tail import Array, Curve


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
    numbers = 4 * (excluded + count * (4 + excluded)) + 5 * nodes * count
    others = count * kept + (vocabulary * -(-count // 8) if planes == 1 else 2 * count * kept)
    take, rest = _readers(data[HEADER.size + raw :], coding, numbers, others)
    never, positions = take.whole(excluded), take.ascending(count)
    if excluded and never.max() >= vocabulary:
        raise DigestError("an excluded id lies outside the vocabulary")
    top, entropy = take.floats(count), take.floats(count)
    barred, tail = take.floats(count * excluded).reshape(count, excluded), take.floats(count)
    curve = take.curve(nodes, count)
    tokens = _tokens(rest, low[1:], vocabulary, kept, count)
    codes = low[0] | rest.bytes(count * kept).astype("<u2").reshape(count, kept) << 8
    return Form(vocabulary, positions, top, entropy, tokens, codes, never, barred, tail, curve)


def _readers(data: bytes, coding: int, numbers: int, others: int) -> tuple[_Reader, _Reader]:
    """What reads the numbers, and what reads ids and high bytes: of so many bytes each."""
    if coding == IDS_CODED:
        if len(data) < numbers:
            raise DigestError("it is cut short")
        return _AsTheyAre(data[:numbers]), _Reader(_decoded(data[numbers:], others))
    if coding not in (ALL_CODED, PLAIN):
        raise DigestError("an unknown coding")
    size = numbers + others
    reader = _Reader(_checked(data, size) if coding == PLAIN else _decoded(data, size))
    return reader, reader


def _decoded(data: bytes, size: int) -> bytes:
    reader = zlib.decompressobj()
    plain = _checked(reader.decompress(data, size + 1), size)
    if not reader.eof:
        raise DigestError("it is cut short or longer than it says")
    return plain


def _checked(plain: bytes, size: int) -> bytes:
    if len(plain) != size:
        raise DigestError("it is cut short or longer than it says")
    return plain


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
    """Takes arrays off bytes in turn; numbers lie there as planes, some as differences."""

    def __init__(self, data: bytes) -> None:
        self.data, self.offset = data, 0

    def bytes(self, size: int) -> Array:
        return self._taken("u1", size)

    def whole(self, size: int) -> Array:
        return self.planes(4, size)

    def ascending(self, size: int) -> Array:
        return np.cumsum(self.planes(4, size), dtype="<u4")

    def floats(self, size: int) -> Array:
        return self.planes(4, size).view("<f4")

    def curve(self, nodes: int, count: int) -> Curve:
        value, slope = self._twice(nodes, count), self._twice(nodes, count).view("<i2")
        spread = np.cumsum(self.bytes(nodes * count).reshape(nodes, count), 0, dtype="u1")
        return Curve(value.T, slope.T, spread.T)

    def planes(self, width: int, size: int) -> Array:
        """Whole numbers of `width` bytes."""
        number = np.zeros(size, "<u4" if width > 2 else "<u2")
        for byte, plane in enumerate(self.bytes(width * size).reshape(width, size)):
            number |= plane.astype(number.dtype) << (8 * byte)
        return number

    def _twice(self, nodes: int, count: int) -> Array:
        steps = self.planes(2, nodes * count).reshape(nodes, count)
        return np.cumsum(np.cumsum(steps, 0, dtype="<u2"), 0, dtype="<u2")

    def _taken(self, kind: str, size: int) -> Array:
        found = np.frombuffer(self.data, kind, size, self.offset)
        self.offset += found.nbytes
        return found


class _AsTheyAre(_Reader):
    """The same, of numbers that were written as they are."""

    def whole(self, size: int) -> Array:
        return self._taken("<u4", size)

    ascending = whole

    def floats(self, size: int) -> Array:
        return self._taken("<f4", size)

    def curve(self, nodes: int, count: int) -> Curve:
        columns = (
            self._taken(k, nodes * count).reshape(nodes, count) for k in ("<u2", "<i2", "u1")
        )
        return Curve(*(column.T for column in columns))

"""The header of a GGUF file, parsed and checked before anything is built from it.

Format: docs/gguf.md of ggml-org/ggml, versions 2 and 3, little-endian. Standard library only: the
child process of `inference.runtime.probe` loads this file by its path.
"""

from __future__ import annotations

import math
import mmap
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

MAGIC = b"GGUF"
VERSIONS = (2, 3)
MOST = {"tensor_count": 100_000, "kv_count": 4096}
MOST_ITEMS = 2**22
"""Of all lists together: tokens, their scores and types, and merges."""
KEY_BYTES = 2**16 - 1
STRING_BYTES = 2**22
METADATA_BYTES = 2**26
"""Several times what any published file has; what is larger is refused unread."""

SCALARS = dict(zip((0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12), "BbHhIif?Qqd", strict=True))
"""Number of a value type → its format in `struct`."""
STRING, ARRAY = 8, 9

KINDS: dict[int, tuple[str, int, int]] = {
    # number of a tensor type: name, values a block, bytes a block
    0: ("F32", 1, 4),
    1: ("F16", 1, 2),
    2: ("Q4_0", 32, 18),
    3: ("Q4_1", 32, 20),
    6: ("Q5_0", 32, 22),
    7: ("Q5_1", 32, 24),
    8: ("Q8_0", 32, 34),
    10: ("Q2_K", 256, 84),
    11: ("Q3_K", 256, 110),
    12: ("Q4_K", 256, 144),
    13: ("Q5_K", 256, 176),
    14: ("Q6_K", 256, 210),
    30: ("BF16", 1, 2),
}


class GGUFError(ValueError):
    """What is wrong with a file, in words; `key`: the metadata key or tensor at fault."""

    def __init__(self, message: str, key: str) -> None:
        super().__init__(message)
        self.key = key


class TensorInfo(NamedTuple):
    """One tensor: shape with the outermost dimension first, type number, place in the file."""

    shape: tuple[int, ...]
    kind: int
    offset: int
    bytes: int


class Header(NamedTuple):
    """All but the weights. `offset` of a tensor counts from the beginning of the file."""

    metadata: dict[str, Any]
    tensors: dict[str, TensorInfo]


def read_header(path: Path) -> Header:
    """The header of a file. Raises GGUFError with the key at fault."""
    with path.open("rb") as stream:
        total = stream.seek(0, 2)
        if total < 24:
            raise GGUFError("The file is too short for a GGUF header.", "GGUF")
        with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _parsed(_Cursor(data, min(total, METADATA_BYTES)), total)


def _parsed(cursor: _Cursor, total: int) -> Header:
    tensors, pairs = _counts(cursor)
    metadata: dict[str, Any] = {}
    for _ in range(pairs):
        key = cursor.string("a key", KEY_BYTES)
        if not key or key in metadata:
            raise GGUFError(f"Metadata key {key[:80]!r} is empty or stands there twice.", key[:80])
        metadata[key] = cursor.value(key)
    found = [_tensor(cursor) for _ in range(tensors)]
    start = _aligned(cursor.at, _alignment(metadata))
    return Header(metadata, _placed(found, start, total, _alignment(metadata)))


def _counts(cursor: _Cursor) -> tuple[int, int]:
    if cursor.bytes(4, "GGUF") != MAGIC:
        raise GGUFError("The file does not begin with GGUF.", "GGUF")
    version = cursor.number("I", "version")
    if version not in VERSIONS:
        raise GGUFError(
            f"GGUF version {version} is not read; 2 and 3 (little-endian) are.", "version"
        )
    counts = {name: cursor.number("Q", name) for name in MOST}
    for name, most in MOST.items():
        if counts[name] > most:
            raise GGUFError(f"{name} is {counts[name]}; at most {most} are read.", name)
    return counts["tensor_count"], counts["kv_count"]


def _tensor(cursor: _Cursor) -> tuple[str, tuple[int, ...], int, int]:
    """Name, shape, type and relative offset of the next tensor."""
    name = cursor.string("a tensor's name", KEY_BYTES)
    key = name[:80]
    dimensions = cursor.number("I", key)
    if not 1 <= dimensions <= 4:
        raise GGUFError(f"Tensor {key!r} has {dimensions} dimensions; 1 to 4 are read.", key)
    shape = tuple(cursor.number("Q", key) for _ in range(dimensions))[::-1]
    return name, shape, cursor.number("I", key), cursor.number("Q", key)


def _placed(
    found: list[tuple[str, tuple[int, ...], int, int]], start: int, total: int, alignment: int
) -> dict[str, TensorInfo]:
    """Tensors by name, after checking that each has bytes of its own inside the file."""
    tensors: dict[str, TensorInfo] = {}
    for name, shape, kind, offset in found:
        if not name or name in tensors:
            raise GGUFError(f"Tensor {name[:80]!r} has no name or stands there twice.", name[:80])
        if offset % alignment:
            raise GGUFError(f"Tensor {name[:80]!r} is not aligned to {alignment} bytes.", name[:80])
        tensors[name] = TensorInfo(shape, kind, start + offset, _size(name[:80], shape, kind))
    end, before = start, "the header"
    for name, info in sorted(tensors.items(), key=lambda item: item[1].offset):
        if info.offset < end:
            raise GGUFError(f"Tensor {name[:80]!r} overlaps {before!r}.", name[:80])
        end, before = info.offset + info.bytes, name[:80]
        if end > total:
            raise GGUFError(f"Tensor {name[:80]!r} lies beyond the end of the file.", name[:80])
    return tensors


def _size(name: str, shape: tuple[int, ...], kind: int) -> int:
    if kind not in KINDS:
        known = ", ".join(label for label, *_ in KINDS.values())
        raise GGUFError(f"Tensor {name!r} has type {kind}, which is not read. Read: {known}.", name)
    label, values, size = KINDS[kind]
    if min(shape) < 1 or shape[-1] % values:
        raise GGUFError(f"Tensor {name!r} of type {label} cannot have shape {list(shape)}.", name)
    return math.prod(shape) // values * size


def _alignment(metadata: dict[str, Any]) -> int:
    value = metadata.get("general.alignment", 32)
    if type(value) is not int or not 8 <= value <= 2**16 or value & (value - 1):
        raise GGUFError(
            f"general.alignment is {value!r}, not a power of two from 8 to 65536.",
            "general.alignment",
        )
    return value


def _aligned(place: int, alignment: int) -> int:
    return -(-place // alignment) * alignment


class _Cursor:
    """Reads from a place on; nothing beyond `end` is ever looked at."""

    def __init__(self, data: mmap.mmap, end: int) -> None:
        self._data, self._end, self.at = data, end, 0
        self._items = MOST_ITEMS

    def bytes(self, count: int, key: str) -> bytes:
        if count > self._end - self.at:
            raise GGUFError(f"The file ends, or is far too long, at {key!r}.", key)
        self.at += count
        return self._data[self.at - count : self.at]

    def number(self, form: str, key: str) -> Any:
        return struct.unpack("<" + form, self.bytes(struct.calcsize("<" + form), key))[0]

    def string(self, key: str, most: int = STRING_BYTES) -> str:
        length = self.number("Q", key)
        if length > most:
            raise GGUFError(f"A string of {length} bytes at {key!r}; at most {most} are read.", key)
        try:
            return self.bytes(length, key).decode()
        except UnicodeDecodeError:
            raise GGUFError(f"A string at {key!r} is not UTF-8.", key) from None

    def value(self, key: str) -> Any:
        """A scalar, a string, or a list of either."""
        kind = self.number("I", key)
        return self._array(key) if kind == ARRAY else self._reader(kind, key)()

    def _reader(self, kind: int, key: str) -> Callable[[], Any]:
        if kind == STRING:
            return lambda: self.string(key)
        if kind not in SCALARS:
            raise GGUFError(f"{key!r} has a value of unknown type {kind}.", key)
        return lambda: self.number(SCALARS[kind], key)

    def _array(self, key: str) -> list[Any]:
        kind, count = self.number("I", key), self.number("Q", key)
        if count > self._items:
            raise GGUFError(
                f"{key!r} has {count} items; at most {MOST_ITEMS} in all lists are read.", key
            )
        self._items -= count
        if kind in SCALARS:
            form = f"<{count}{SCALARS[kind]}"
            return list(struct.unpack(form, self.bytes(struct.calcsize(form), key)))
        read = self._reader(kind, key)  # an array of arrays is of no use to a model
        return [read() for _ in range(count)]
